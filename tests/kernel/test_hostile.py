"""Whole bases that nobody would wish for: a clear error, or sane numbers, the same each time."""

import json

import numpy as np
import pytest

from customer_base import EmptyDataError, InvalidInputError, backtest, fit_ensemble, merge_days, shown_scores
from customer_base.ensemble import View
from customer_base.holdout import deviance_of

pytestmark = pytest.mark.filterwarnings("error")
END = 900


def usual(seed=1):
    """Some 300 customers over two and a half years: customer, day, value."""
    draw = np.random.default_rng(seed)
    rows = []
    for customer in range(300):
        day, rate, leaving = int(draw.integers(0, END // 2)), draw.gamma(1.2, 1 / 40), draw.beta(1, 3)
        while day < END:
            rows.append((customer, day, draw.gamma(6.0, 20.0)))
            if draw.random() < leaving:
                break
            day += 1 + int(draw.exponential(1 / rate))
    return tuple(map(np.array, zip(*rows, strict=True)))


WHO, DAY, VALUE = usual()
DRAW = np.random.default_rng(2)
FIFTH = np.arange(WHO.size) == 5


def beside(customer, day, value):
    """The usual base, and some purchases more."""
    return (
        np.append(WHO, np.broadcast_to(customer, np.shape(day))),
        np.append(DAY, day),
        np.append(VALUE, np.broadcast_to(value, np.shape(day))),
    )


SANE = {
    "one customer": ([1], [5], [20.0]),
    "one regular customer": (np.zeros(50, int), np.arange(50) * 15, np.full(50, 10.0)),
    "all on one day": (np.arange(300), np.full(300, 100), np.full(300, 5.0)),
    "two days long ago": (np.repeat(np.arange(200), 2), np.tile([0, 1], 200), np.arange(1.0, 401)),
    "equal values": (WHO, DAY, np.full(WHO.size, 7.0)),
    "returns and gifts": (WHO, DAY, np.where(WHO % 5 == 0, -VALUE, np.where(WHO % 7 == 0, 0.0, VALUE))),
    "next to nothing": (WHO, DAY, VALUE * 1e-300),
    "all the money there is": (WHO, DAY, VALUE * 1e97),
    "each of another size": (WHO, DAY, VALUE * 10.0 ** DRAW.uniform(-9, 9, WHO.size)),
    "one giant": beside(9999, np.arange(400) * 2, 1e9),
    "one giant purchase": beside(9999, [500], 1e15),
    "one purchase two thousand years ago": beside(9999, [-700_000], 5.0),
    "one-time buyers": (np.arange(10_000), DRAW.integers(0, END, 10_000), DRAW.gamma(3.0, 30.0, 10_000)),
    "every day": (np.repeat(np.arange(60), END), np.tile(np.arange(END), 60), np.full(60 * END, 5.0)),
    "32 bit": (WHO.astype(np.int32), DAY.astype(np.int32), np.full(WHO.size, 2**31 - 1, np.int32)),
    "16 bit": (WHO.astype(np.int16), DAY.astype(np.int16), VALUE.astype(np.float32)),
    "texts for customers": (WHO.astype(str), DAY, VALUE),
    "in no order": (WHO[::-1], DAY[::-1], VALUE[::-1]),
    "later purchases": beside(9999, [END + 1, END + 4000], 1e6),
}


@pytest.mark.parametrize("name", SANE)
def test_sane_numbers(name):
    """Finite, not negative, and no more than a few times what the base ever brought in a year."""
    rows = SANE[name]
    fit = fit_ensemble(*rows, END)
    view = View(*merge_days(*rows), END)
    past = view.past
    shown, (days, leaves) = fit.forecast(view), fit.silent_probability(view)
    scores = shown_scores(fit, past.x, past.t_x, past.T, past.mean, view.recent, view.log_gaps)
    for column in (shown, days, leaves, *vars(scores).values()):
        assert np.isfinite(column).all()
        assert (np.asarray(column) >= 0).all()
    assert (leaves <= 1).all()
    assert shown.sum() <= 1.5 * (past.n * past.mean).sum()
    # JSON has no NaN and no infinity
    state = json.dumps(fit.state(), allow_nan=False)
    assert state == json.dumps(fit_ensemble(*rows, END).state(), allow_nan=False), "the same each time"


@pytest.mark.parametrize("name", SANE)
def test_backtest_of_them(name):
    """What has no figure is NaN, never an error; the level of what is shown is always told where something came."""
    rows = SANE[name]
    split = 110 if name in ("all on one day", "two days long ago") else 720
    found = backtest(*rows, split, END)
    shown = found.accuracy["stack"]
    assert np.isfinite(shown.mae)
    assert np.isfinite(shown.deviance) == (found.actual_total > 0)
    again = deviance_of(found.ensemble, *rows, split, END)
    assert np.isnan(again) if np.isnan(shown.deviance) else again == pytest.approx(shown.deviance)


EMPTY = {
    "nothing": ([], [], []),
    "only later": ([1, 2], [END + 1, END + 2], [5.0, 5.0]),
    "only returns": ([1, 2], [5, 6], [-1.0, -2.0]),
    "only gifts": (WHO, DAY, np.zeros(WHO.size)),
}


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_to_learn_from(name):
    """Said as such."""
    with pytest.raises(EmptyDataError, match="no purchases up to day 900"):
        fit_ensemble(*EMPTY[name], END)
    with pytest.raises(EmptyDataError, match="no purchases up to day 720"):
        backtest(*EMPTY[name], 720, END)


WRONG = {
    "NaN": ((WHO, DAY, np.where(FIFTH, np.nan, VALUE)), "value must be finite, got nan at position 5"),
    "infinity": ((WHO, DAY, np.where(FIFTH, np.inf, VALUE)), "value must be finite, got inf at position 5"),
    "overflow": (
        (WHO, DAY, np.where(FIFTH, 1e101, VALUE)),
        r"value must be at most 1e\+100, got 1e\+101",
    ),
    "no day": ((WHO, np.where(FIFTH, np.nan, DAY), VALUE), "day must be finite, got nan at position 5"),
    "half a day": ((WHO, np.where(FIFTH, 0.5, DAY), VALUE), "day must be whole days, got 0.5 at position 5"),
    "no customer": ((np.where(FIFTH, np.nan, WHO), DAY, VALUE), "customer must be finite, got nan at position 5"),
    "None": ((np.where(FIFTH, None, WHO), DAY, VALUE), "customer must be of one kind"),
    "dates": ((WHO, DAY.astype("datetime64[D]"), VALUE), "day must be numbers"),
    "complex": ((WHO, DAY, VALUE * 1j), "value must be numbers"),
    "words": ((WHO, DAY, np.full(WHO.size, "much")), "value must be numbers"),
    "a day before time": ((WHO, np.where(FIFTH, -(2**40), DAY), VALUE), "day must be at most 4000000 after the first"),
    "one too few": ((WHO, DAY[1:], VALUE), "must have one shape"),
    "a table": ((WHO[None], DAY[None], VALUE[None]), "must be columns"),
    "single numbers": ((1, 2, 3.0), "must be columns"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_rows(name):
    """An error that names the column and quotes the value."""
    rows, message = WRONG[name]
    for work in (lambda: fit_ensemble(*rows, END), lambda: backtest(*rows, 720, END)):
        with pytest.raises(InvalidInputError, match=message):
            work()


def test_wrong_options():
    """The same of everything else that a caller chooses."""
    rows = WHO, DAY, VALUE
    for options, message in (
        ({"as_of": float("nan")}, "as_of must be finite, got nan"),
        ({"as_of": 900.5}, "as_of must be a whole day, got 900.5"),
        ({"as_of": [900, 901]}, "as_of must be one day"),
        ({"days": 0}, "days must be > 0, got 0.0"),
        ({"days": float("inf")}, "days must be finite, got inf"),
        ({"largest": 0}, "largest must be >= 1, got 0.0"),
        ({"intervals": -1}, "intervals must be > 0, got -1.0"),
        ({"prior_strength": float("nan")}, "prior_strength must be finite, got nan"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            fit_ensemble(*rows, **{"as_of": END, **options})
    with pytest.raises(InvalidInputError, match="split must be a whole day, got 720.5"):
        backtest(*rows, 720.5, END)
    for work in (backtest, lambda *arguments: deviance_of(fit_ensemble(*rows, END), *arguments)):
        with pytest.raises(InvalidInputError, match=r"end must be after split \(900\), got 900"):
            work(*rows, END, END)


def test_whoever_is_new_today_cannot_be_forecast():
    """No time has passed for any of them."""
    with pytest.raises(InvalidInputError, match="T must be > 0 for at least one customer, got 0.0"):
        fit_ensemble(np.arange(300), np.full(300, END), np.full(300, 5.0), END)


def test_a_day_on_any_calendar():
    """The same base, counted from another day, has the same forecasts."""
    here = fit_ensemble(WHO, DAY, VALUE, END)
    there = fit_ensemble(WHO, DAY + 2**40, VALUE, END + 2**40)
    assert here.model.parameters_ == there.model.parameters_
    assert here.stack == there.stack

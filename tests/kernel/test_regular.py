"""Regular buyers: the mixture over k is MBG/NBD at k = 1, finds regularity where there is some, and forecasts by it."""

import numpy as np
import pytest

from customer_base import ModifiedBetaGeo, summarise
from customer_base.ensemble import View, fit_ensemble
from customer_base.history import merge_days
from customer_base.leaving import silent_probability
from customer_base.regular import CLASSES, RegularMixture

POINT = (0.6, 50.0, 0.8, 2.0)


def contracts(size, seed, shape, years=3):
    """Return purchases of customers who buy about every 40 days with Erlang gaps, and leave."""
    draw = np.random.default_rng(seed)
    pace = 1 / (40 * np.exp(0.4 * draw.standard_normal(size)))
    now = draw.integers(0, 365, size).astype(float)
    leave = draw.beta(1.0, 12.0, size)
    shapes = draw.choice(shape, size)
    who, rows = np.arange(size), []
    while who.size:
        rows.append((who, now[who].copy()))
        who = who[draw.random(who.size) >= leave[who]]
        now[who] += np.maximum(draw.gamma(shapes[who], 1 / (shapes[who] * pace[who])), 1.0)
        who = who[now[who] < 365 * years]
    customer, day = (np.concatenate(column) for column in zip(*rows, strict=True))
    return merge_days(customer, np.floor(day), draw.gamma(5.0, 20.0, customer.size))


@pytest.fixture(scope="module")
def cdnow_view(cdnow_purchases):
    """The CDNOW sample as of a day in its middle."""
    rows = merge_days(*cdnow_purchases)
    return View(*rows, int(rows[1].min()) + 300)


def arguments(view):
    """Return x, t_x, T and the gaps' logarithms."""
    past = view.past
    return past.x, past.t_x, past.T, view.log_gaps


def test_gaps_by_hand():
    """Two gaps of 3 and 20 days."""
    rows = merge_days([1, 1, 1, 2], [10, 13, 33, 40], [1.0] * 4)
    assert View(*rows, 50).log_gaps == pytest.approx([np.log(60), 0.0])
    assert summarise(*rows, 50).x.tolist() == [2, 0]


def test_exponential_gaps_are_mbg(cdnow_view):
    """With all customers in class 1: the same likelihood, silence and, for few purchases, expectation."""
    columns = arguments(cdnow_view)
    mixture = RegularMixture.from_parameters(*POINT, 1e-12, 1e-12, 1e-12)
    model = ModifiedBetaGeo.from_parameters(*POINT)
    assert mixture.log_likelihood(*columns)[0] == pytest.approx(model.log_likelihood(*columns[:3])[0], rel=1e-9)
    days = np.full(columns[0].size, 90.0)
    np.testing.assert_allclose(
        mixture.silent_probability(days, *columns), silent_probability(model, *columns[:3], days), atol=1e-9
    )
    expected, exact = mixture.expected_purchases(90, *columns), model.expected_purchases(90, *columns[:3])
    assert expected.sum() / exact.sum() == pytest.approx(1, abs=0.1)
    assert np.corrcoef(expected, exact)[0, 1] > 0.99


def test_gradient_is_the_slope_of_the_likelihood(cdnow_view):
    """Central differences in the logarithm of each parameter."""
    point, columns = np.array([*POINT, 0.3, 0.2, 0.1]), arguments(cdnow_view)
    gradient = RegularMixture.from_parameters(*point).log_likelihood(*columns)[1]
    for index, slope in enumerate(gradient):
        step = 1e-5 * np.eye(point.size)[index]
        up, down = (
            RegularMixture.from_parameters(*(point * np.exp(sign * step))).log_likelihood(*columns)[0]
            for sign in (1, -1)
        )
        assert slope == pytest.approx((up - down) / 2e-5, rel=1e-5)


@pytest.mark.parametrize("shape", CLASSES)
def test_finds_how_regular_a_base_is(shape):
    """Most customers land in the class that they were drawn from, or its neighbour."""
    view = View(*contracts(800, shape, [shape]), 1000)
    fit = RegularMixture().fit(*arguments(view), np.ones(view.past.x.size))
    assert fit.converged_
    assert fit.shares @ np.log2(CLASSES) == pytest.approx(np.log2(shape), abs=0.5)


def test_phases_and_classes_are_probabilities(cdnow_view):
    """They add up, whatever the customer."""
    known = RegularMixture.from_parameters(*POINT, 0.3, 0.2, 0.1).posterior(*arguments(cdnow_view))
    np.testing.assert_allclose(known.classes.sum(axis=0), 1)
    for k, phases in zip(CLASSES, known.phases, strict=True):
        assert len(phases) == k + 1
        np.testing.assert_allclose(phases.sum(axis=0), 1)


def test_silence_says_more_of_a_regular_buyer():
    """Every 40 days for two years, then 80 days of nothing: gone, says regularity; perhaps, says MBG/NBD."""
    x, t_x, T = np.array([18.0]), np.array([720.0]), np.array([800.0])
    clock, chance = np.array([18 * np.log(40.0)]), np.array([18 * np.log(40.0) - 9.0])
    mixture = RegularMixture.from_parameters(2.0, 80.0, 1.0, 12.0, 0.5, 0.5, 0.5)
    regular, irregular = (float(mixture.silent_probability(40.0, x, t_x, T, each)[0]) for each in (clock, chance))
    assert regular > irregular + 0.2
    assert np.isfinite(mixture.expected_purchases(365, x, t_x, T, clock)).all()


def test_is_used_where_it_helps():
    """On contracts it gets a share, says who leaves, and the forecast is better than without; a shop has none."""
    purchases = contracts(900, 5, [1, 8, 8])
    split = 730
    fit = fit_ensemble(*purchases, split, days=365)
    assert fit.regular is not None
    assert fit.is_clocked
    assert fit.stack.shares["regular"] > 0.3
    view = View(*purchases, split)
    days, said = fit.silent_probability(view)
    came = view.silent(days)
    assert said.mean() == pytest.approx(came.mean(), abs=0.05)


def test_is_left_out_where_customers_buy_at_random(cdnow_purchases):
    """The CDNOW sample."""
    rows = merge_days(*cdnow_purchases)
    fit = fit_ensemble(*rows, int(rows[1].min()) + 400)
    assert fit.regular is None
    assert "regular" not in fit.stack.shares


def test_extreme_customers_stay_finite():
    """Bought today, never again, ten years of weekly purchases, one purchase ever."""
    x, t_x, T = np.array([[0.0, 500, 500, 1], [0, 3500, 10, 3000], [0, 3500, 3650, 3000]])
    gaps = np.array([0.0, 500 * np.log(7.0), 0.0, np.log(3000.0)])
    mixture = RegularMixture.from_parameters(0.5, 30.0, 0.5, 3.0, 1.0, 1.0, 1.0)
    silent = mixture.silent_probability(30.0, x, t_x, T, gaps)
    assert ((silent >= 0) & (silent <= 1)).all()
    expected = mixture.expected_purchases(365, x, t_x, T, gaps)
    assert (np.isfinite(expected) & (expected >= 0)).all()

"""The backtest: measures by hand, and the CDNOW sample's known outcome."""

import numpy as np
import pytest
from cdnow import CALIBRATION_END, HOLDOUT_END
from scipy import stats

from customer_base import EmptyDataError, InvalidInputError, backtest, merge_days, summarise
from customer_base.holdout import METHODS
from customer_base.metrics import accuracy, captured, normalised_gini, spearman


@pytest.fixture(scope="module")
def result(cdnow_purchases):
    """39 weeks to fit, 39 weeks to hold it against."""
    return backtest(*cdnow_purchases, CALIBRATION_END, HOLDOUT_END)


def test_cdnow_model_beats_carry_forward_on_level(result):
    """MAE 29 against 62, total -21 % against +144 %."""
    model, history = result.accuracy["modified_beta_geo"], result.accuracy["carry_forward"]
    assert (round(model.mae), round(history.mae)) == (29, 62)
    assert (round(model.aggregate_error, 2), round(history.aggregate_error, 2)) == (-0.21, 1.44)
    assert result.best(("modified_beta_geo", "carry_forward")) == "modified_beta_geo"
    assert result.best(("carry_forward", "rfm")) == "carry_forward"
    assert result.repeaters == 946


def test_cdnow_stack_beats_each_of_its_methods(result):
    """Deviance 16.4 against 18.1 of the model and 18.5 of the last 12 months, by ranking: Gini .70 against .68, .68."""
    assert result.best() == "stack"
    stack, model = result.accuracy["stack"], result.accuracy["modified_beta_geo"]
    assert (round(stack.deviance, 1), round(model.deviance, 1)) == (16.4, 18.1)
    assert stack.gini > model.gini + 0.02


def test_nothing_after_the_split_is_known(cdnow_purchases, result):
    """What came in the holdout period changes neither weights nor forecasts."""
    customer, day, value = cdnow_purchases
    other = np.where(day > CALIBRATION_END, 1.0, value)
    again = backtest(customer, day, other, CALIBRATION_END, HOLDOUT_END)
    assert again.ensemble.stack == result.ensemble.stack
    for name in ("stack", "carry_forward_12m"):
        assert sum(row[name] for row in again.by_month) == pytest.approx(sum(row[name] for row in result.by_month))


def test_history_is_tested_as_it_is_shown(cdnow_purchases, result):
    """Retention 75 %: nine months are worth sum rho^i of a month, and the rest of the last one."""
    thinned = backtest(*cdnow_purchases, CALIBRATION_END, HOLDOUT_END, retention=0.75)
    rho, days = 0.75 ** (1 / 12), HOLDOUT_END - CALIBRATION_END
    months, rest = divmod(days / 30.44, 1)
    running = sum(rho**i for i in range(1, int(months) + 1)) + rest * rho ** (months + 1)
    ratio = (1 + thinned.accuracy["carry_forward_12m"].aggregate_error) / (
        1 + result.accuracy["carry_forward_12m"].aggregate_error
    )
    assert ratio == pytest.approx(running / (days / 30.44))
    assert thinned.accuracy["carry_forward"] == result.accuracy["carry_forward"]


def test_every_method_is_measured(result):
    """A ranking has no level."""
    assert tuple(result.accuracy) == METHODS
    for name, each in result.accuracy.items():
        assert np.isfinite([each.spearman, each.gini, each.top_decile]).all()
        assert np.isfinite(each.mae) == (name != "rfm")


def test_tables_add_up(result):
    """Months to the holdout's total, frequencies to all customers, tracking to all repeat purchases."""
    assert sum(row["actual"] for row in result.by_month) == pytest.approx(result.actual_total)
    assert sum(row["days"] for row in result.by_month) == HOLDOUT_END - CALIBRATION_END
    for name in METHODS[:-1]:
        forecast = sum(row[name] for row in result.by_month)
        assert forecast / result.actual_total - 1 == pytest.approx(result.accuracy[name].aggregate_error)
    assert sum(row["customers"] for row in result.calibration) == result.customers
    assert [row["frequency"] for row in result.calibration] == list(range(8))
    actual = [row["actual"] for row in result.tracking]
    assert actual == sorted(actual)
    assert result.tracking[-1]["day"] == HOLDOUT_END


def test_tracking_follows_the_published_curve(result):
    """Cumulative repeat purchases are met within 3 % at the end of the calibration period."""
    row = max((row for row in result.tracking if row["day"] <= CALIBRATION_END), key=lambda row: row["day"])
    assert row["modified_beta_geo"] == pytest.approx(row["actual"], rel=0.03)


def test_calibration_by_hand(result, cdnow_purchases):
    """Customers without a repeat purchase: counted apart from the kernel."""
    customer, day, _ = merge_days(*cdnow_purchases)
    once = [c for c in np.unique(customer) if ((customer == c) & (day <= CALIBRATION_END)).sum() == 1]
    later = np.isin(customer, once) & (day > CALIBRATION_END)
    assert result.calibration[0]["customers"] == len(once)
    assert result.calibration[0]["actual"] == pytest.approx(later.sum() / len(once))


def test_merged_days_and_credit_notes():
    """Same day: one purchase; a day that nets to 0 or less: none; later rows are not seen."""
    customer = np.array([2, 1, 1, 1, 2, 1])
    day = np.array([5, 3, 3, 9, 8, 99])
    value = np.array([10.0, 4.0, 2.0, 7.0, -10.0, 50.0])
    summary = summarise(customer, day, value, as_of=10)
    assert summary.customer.tolist() == [1, 2]
    assert summary.x.tolist() == [1, 0]
    assert summary.t_x.tolist() == [6, 0]
    assert summary.T.tolist() == [7, 5]
    assert summary.mean.tolist() == [6.5, 10.0]


def test_measures():
    """Against scipy, and by hand."""
    draw = np.random.default_rng(1)
    forecast, actual = draw.integers(0, 5, 200).astype(float), draw.gamma(0.5, 10, 200)
    assert spearman(forecast, actual) == pytest.approx(stats.spearmanr(forecast, actual).statistic, rel=1e-12)
    assert normalised_gini(actual, actual) == pytest.approx(1)
    assert normalised_gini(-actual, actual) == pytest.approx(-1)
    shuffled = draw.permutation(200)
    assert accuracy(forecast[shuffled], actual[shuffled]).gini == pytest.approx(accuracy(forecast, actual).gini)
    assert captured(np.arange(10.0), np.arange(10.0), 0.1) == pytest.approx(9 / 45)
    assert captured(np.zeros(10), np.arange(10.0), 0.1) == pytest.approx(0.1)


def test_nothing_happened():
    """No value in the holdout: no aggregate error, no ranking, but an absolute error."""
    each = accuracy([1.0, 2.0], [0.0, 0.0])
    assert each.mae == 1.5
    assert np.isnan([each.aggregate_error, each.spearman, each.gini, each.top_decile]).all()


def test_bad_input(cdnow_purchases):
    """Quoted, as everywhere."""
    with pytest.raises(InvalidInputError, match="end must be after split"):
        backtest(*cdnow_purchases, CALIBRATION_END, CALIBRATION_END)
    with pytest.raises(EmptyDataError, match="no purchases up to day 5"):
        backtest(*cdnow_purchases, 5)
    with pytest.raises(InvalidInputError, match="day must be whole days, got 1.5"):
        summarise([1], [1.5], [2.0], 10)
    with pytest.raises(InvalidInputError, match="one shape"):
        merge_days([1, 2], [1], [2.0])
    with pytest.raises(EmptyDataError, match="0 rows"):
        accuracy([], [])
    with pytest.raises(InvalidInputError, match="actual must be >= 0, got -1.0"):
        accuracy([1.0], [-1.0])

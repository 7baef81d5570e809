"""What is shown of a customer: the weighted forecast for a year, and the purchase model's shape beyond it."""

from dataclasses import replace

import numpy as np
import pytest

from customer_base import Recent, fit_ensemble, merge_days, score, shown_scores
from customer_base.ensemble import Ensemble, View
from customer_base.stack import alone


@pytest.fixture(scope="module")
def view(cdnow_purchases):
    """The CDNOW sample after 400 days."""
    rows = merge_days(*cdnow_purchases)
    return View(*rows, int(rows[1].min()) + 400)


@pytest.fixture(scope="module")
def fit(view):
    """Fitted to it."""
    return fit_ensemble(view.customer, view.day, view.value, view.as_of)


def shown(fit, view, rows=slice(None), **options):
    """Return the scores of some customers."""
    past, recent = view.past, view.recent
    columns = (past.x, past.t_x, past.T, past.mean)
    return shown_scores(
        fit,
        *(column[rows] for column in columns),
        Recent(recent.year[rows], recent.faded_value[rows], recent.faded_count[rows]),
        view.log_gaps[rows],
        **options,
    )


def test_a_year_is_the_weighted_forecast(fit, view):
    """Purchases times spend and contribution follow from it, but for the .28 days that 12 months are longer."""
    found, expected = shown(fit, view, margin_ratio=0.3), fit.forecast(view)
    np.testing.assert_allclose(found.expected_purchases * found.expected_spend, expected, rtol=2e-3)
    np.testing.assert_allclose(found.expected_12m, 0.3 * found.expected_purchases * found.expected_spend)


def test_beyond_a_year_the_models_shape(fit, view):
    """CLV over the next 12 months is the same multiple of them as the model's; so are 36 months."""
    past = view.past
    for months in (12, 36):
        model = score(fit.model, fit.spend, past.x, past.t_x, past.T, past.n, past.mean, months=months, interval=False)
        found = shown(fit, view, months=months)
        np.testing.assert_allclose(found.clv / found.expected_12m, model.clv / model.expected_12m, rtol=1e-9)
    assert shown(fit, view, months=0).clv.tolist() == [0.0] * past.x.size


def test_interval_is_that_of_earlier_errors(fit, view):
    """It holds the bands times the value; without bands, the model's own, moved with the value."""
    found = shown(fit, view)
    year = found.expected_purchases * found.expected_spend
    low, high = fit.bands(year, fit.mean)
    np.testing.assert_allclose(found.clv_low, low * found.horizon_factor)
    np.testing.assert_allclose(found.clv_high, high * found.horizon_factor)
    own = shown(replace(fit, bands=None), view)
    assert (own.clv_low <= own.clv_high).all()
    assert own.clv_high.sum() > 0


def test_costs_turn_the_interval_around(fit, view):
    """A negative margin: the lower bound is the one of many purchases."""
    found = shown(fit, view, margin_ratio=-0.5)
    assert (found.clv_low <= found.clv_high).all()
    assert found.clv_low.min() < 0
    assert (found.clv <= 0).all()


def test_alone_is_the_purchase_model(fit, view):
    """Bit by bit what `score` says."""
    past = view.past
    found = shown(replace(fit, stack=alone()), view)
    model = score(fit.model, fit.spend, past.x, past.t_x, past.T, past.n, past.mean)
    np.testing.assert_array_equal(found.clv, model.clv)
    np.testing.assert_array_equal(found.expected_purchases, model.expected_purchases)


def test_a_customer_alone_gets_the_same_bits(fit, view):
    """Scored alone, with a few, or with all others."""
    whole = shown(fit, view)
    for rows in (slice(0, 1), slice(17, 40), slice(2000, 2001)):
        part = shown(fit, view, rows)
        np.testing.assert_array_equal(part.clv, whole.clv[rows])
        np.testing.assert_array_equal(part.clv_high, whole.clv_high[rows])


def test_survives_storage(fit, view):
    """Plain numbers and back."""
    again = Ensemble.restored(fit.model, fit.spend, fit.state())
    assert again == fit
    np.testing.assert_array_equal(shown(again, view).clv, shown(fit, view).clv)


def test_customers_who_are_gone_stay_finite(fit):
    """Hundreds of purchases in a month, then years of nothing: P(alive) underflows."""
    x, t_x, T = np.array([900.0]), np.array([900.0]), np.array([9000.0])
    nothing = np.zeros(1)
    found = shown_scores(fit, x, t_x, T, np.array([20.0]), Recent(nothing, nothing, nothing), nothing)
    for name in ("clv", "clv_low", "clv_high", "expected_purchases", "expected_12m"):
        assert np.isfinite(getattr(found, name)).all(), name
    assert found.clv[0] < 1

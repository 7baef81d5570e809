"""A search for parameters that begins at an earlier fit: shorter, and with the same end."""

from dataclasses import replace

import numpy as np
import pytest

from customer_base import BetaGeo, Ensemble, GammaGamma, ModifiedBetaGeo, _estimation, fit_ensemble, merge_days
from customer_base.ensemble import View

#: two searches may differ by this share of a parameter, far less than a forecast shows
SAME = 1e-5


@pytest.fixture(scope="module")
def base():
    """Contracts, so that the model of regular buyers is in use: merged purchases of four years, and their last day."""
    draw, size = np.random.default_rng(3), 600
    shape, rate = draw.choice([1, 4, 16], size), 8 / 365 * np.exp(0.5 * draw.standard_normal(size))
    begin = draw.integers(0, 1000, size)
    until = np.minimum(begin + 1000 * np.exp(draw.standard_normal(size)), 1460)
    gaps = draw.gamma(shape[:, None], 1 / (shape * rate)[:, None], (size, 150))
    day = np.column_stack([begin, begin[:, None] + np.cumsum(gaps, axis=1)])
    who, when = np.nonzero(day < until[:, None])
    value = 100 * np.exp(draw.standard_normal(size))[who] * draw.gamma(4.0, 0.25, who.size)
    return merge_days(who, np.floor(day[who, when]), value), 1460


@pytest.fixture(scope="module")
def cold(base):
    """Of today, begun at the prior."""
    return fit_ensemble(*base[0], base[1])


@pytest.fixture
def searches(monkeypatch):
    """Counts the searches that begin at the prior."""
    begun = []
    search = _estimation.minimize

    def counted(*args, **kwargs):
        begun.append(args)
        return search(*args, **kwargs)

    monkeypatch.setattr(_estimation, "minimize", counted)
    return begun


def assert_same(one, other):
    """Both fits have the same parameters, weights and answers."""
    for name in ("model", "spend", "regular"):
        found, expected = getattr(one, name).parameters_, getattr(other, name).parameters_
        assert found == pytest.approx(expected, rel=SAME)
    assert one.stack.factors == pytest.approx(other.stack.factors, rel=SAME)
    assert one.calibration.slope == pytest.approx(other.calibration.slope, rel=SAME)
    assert one.bands.high == pytest.approx(other.bands.high, rel=SAME)


def test_last_weeks_fit_shortens_the_search(base, cold, searches):
    """The purchase and the spend model of today are reached without a search from the prior."""
    rows, end = base
    before = fit_ensemble(*rows, end - 7)
    searches.clear()
    again = fit_ensemble(*rows, end, start=before)
    assert_same(again, cold)
    warm = len(searches)
    searches.clear()
    fit_ensemble(*rows, end)
    assert warm < len(searches)


def test_a_stored_fit_does_as_well(base, cold):
    """It does not know how many customers it had."""
    rows, end = base
    before = fit_ensemble(*rows, end - 7)
    models = (
        ModifiedBetaGeo.from_parameters(**before.model.parameters_, covariance=before.model.covariance_),
        GammaGamma.from_parameters(**before.spend.parameters_, covariance=before.spend.covariance_),
    )
    assert_same(fit_ensemble(*rows, end, start=Ensemble.restored(*models, before.state())), cold)


@pytest.mark.parametrize(
    ("parameters", "variance"),
    [
        ((1e-6, 1e9, 1e-6, 1e6), 1.0),
        ((1e6, 1e-9, 50.0, 1e-6), 1.0),
        ((0.5, 40.0, 1.0, 2.0), 0.0),
        ((0.5, 40.0, 1.0, 2.0), np.nan),
        ((0.5, 40.0, 1.0, 2.0), 1e12),
        ((1e-320, 1e300, 1e-320, 1e300), 1e-3),
    ],
)
def test_a_wrong_start_makes_no_difference(base, cold, parameters, variance):
    """Far away, of another currency, or of unknown or absurd curvature."""
    rows, end = base
    model = ModifiedBetaGeo.from_parameters(*parameters, covariance=variance * np.eye(4))
    spend = GammaGamma.from_parameters(3.0, 2.0, 1e9, covariance=variance * np.eye(3))
    with np.errstate(all="ignore"):
        assert_same(fit_ensemble(*rows, end, start=replace(cold, model=model, spend=spend)), cold)


def test_the_other_model_as_a_start(base):
    """Whoever changes from one purchase model to the other gets what the other one finds alone."""
    rows, end = base
    past = View(*rows, end).past
    alone = BetaGeo().fit(past.x, past.t_x, past.T)
    begun = BetaGeo().fit(past.x, past.t_x, past.T, start=ModifiedBetaGeo().fit(past.x, past.t_x, past.T))
    assert begun.parameters_ == pytest.approx(alone.parameters_, rel=SAME)
    assert begun.converged_
    np.testing.assert_allclose(begun.covariance_, alone.covariance_, rtol=1e-3, atol=1e-6)


def test_weekly_fits_do_not_drift(base, cold):
    """A chain of fits, each begun at the one before, ends where a fit alone does."""
    rows, end = base
    fit = None
    for day in range(end - 70, end + 1, 7):
        fit = fit_ensemble(*rows, day, start=fit)
    assert_same(fit, fit_ensemble(*rows, day))

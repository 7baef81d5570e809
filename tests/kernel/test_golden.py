"""The papers' tables on the CDNOW sample, to every printed digit."""

import numpy as np
import pytest
from cdnow import CALIBRATION_END

from customer_base import BetaGeo, GammaGamma, ModifiedBetaGeo


def test_sample_is_the_published_one(cdnow):
    """2,357 customers, 946 of them with 2,457 repeat purchases."""
    assert (cdnow.x.size, (cdnow.x > 0).sum(), cdnow.x.sum()) == (2357, 946, 2457)


@pytest.mark.parametrize(
    ("model", "published", "log_likelihood"),
    [
        (BetaGeo, {"r": "0.243", "alpha": "4.414", "a": "0.793", "b": "2.426"}, "-9582.4"),
        (ModifiedBetaGeo, {"r": "0.525", "alpha": "6.183", "a": "0.891", "b": "1.614"}, "-9582.1"),
    ],
)
def test_purchase_models(cdnow_weeks, model, published, log_likelihood):
    """Fader, Hardie, Lee (2005), table 2; Batislam, Denizel, Filiztekin (2007), table 3."""
    fit = model(prior=False).fit(*cdnow_weeks)
    assert fit.converged_
    assert {name: f"{value:.3f}" for name, value in fit.parameters_.items()} == published
    assert f"{fit.log_likelihood_:.1f}" == log_likelihood


def test_spend_model(cdnow_repeat_spend):
    """Fader and Hardie (2013), section 4."""
    fit = GammaGamma(prior=False).fit(*cdnow_repeat_spend)
    assert fit.converged_
    assert {name: f"{value:.2f}" for name, value in fit.parameters_.items()} == {"p": "6.25", "q": "3.74", "v": "15.44"}


def test_forecast_of_one_customer():
    """Fader, Hardie, Lee (2005), section 5: x = 2, t_x = 30.43, T = 38.86 and 39 weeks give 1.226."""
    model = BetaGeo.from_parameters(0.243, 4.414, 0.793, 2.426)
    assert f"{model.expected_purchases(39, 2, 30.43, 38.86):.3f}" == "1.226"


@pytest.mark.parametrize("model", [BetaGeo, ModifiedBetaGeo])
def test_weak_prior_hardly_moves_a_full_sample(cdnow_weeks, model):
    """The forecast of the whole base moves by less than half a percent."""
    with_prior, without = model().fit(*cdnow_weeks), model(prior=False).fit(*cdnow_weeks)
    forecasts = [fit.expected_purchases(39, *cdnow_weeks).sum() for fit in (with_prior, without)]
    assert with_prior.parameters_ != without.parameters_
    np.testing.assert_allclose(forecasts[0], forecasts[1], rtol=0.005)


def test_unmerged_days_give_other_parameters(cdnow_purchases, cdnow_weeks):
    """What breaks the table: counting each order of a day as a purchase gives r = .218."""
    customer, day, _ = cdnow_purchases
    orders = np.bincount(customer[day <= CALIBRATION_END])[np.unique(customer)]
    fit = BetaGeo(prior=False).fit(orders - 1, *cdnow_weeks[1:])
    assert f"{fit.r_:.3f}" == "0.218"

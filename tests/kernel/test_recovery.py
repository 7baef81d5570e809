"""Simulate from known parameters, fit, and find them again within the standard errors."""

import numpy as np
import pytest
from simulate import simulate

from customer_base import BetaGeo, GammaGamma, ModifiedBetaGeo, score

TRUTH = {"r": 0.55, "alpha": 40.0, "a": 0.8, "b": 2.2}
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}


def z_scores(fit, truth):
    """Distance to the truth in standard errors, per parameter."""
    return [(fit.parameters_[name] - truth[name]) / fit.standard_errors_[name] for name in truth]


@pytest.mark.parametrize("model", [BetaGeo, ModifiedBetaGeo])
def test_purchase_models(model):
    """40 bases of 4,000: the errors are as large as their standard errors say, neither more nor less."""
    scores = []
    for seed in range(40):
        base = simulate(4000, seed, modified=model is ModifiedBetaGeo, whole_days=False, **TRUTH)
        fit = model(prior=False).fit(*base.times)
        assert fit.converged_
        scores.append(z_scores(fit, TRUTH))
    assert np.abs(scores).max() < 4.5
    assert 0.7 < np.sqrt(np.mean(np.square(scores))) < 1.3


def test_spend_model():
    """The same for spend."""
    scores = []
    for seed in range(40):
        base = simulate(4000, seed, **SPEND)
        fit = GammaGamma(prior=False).fit(*base.spend)
        assert fit.converged_
        scores.append(z_scores(fit, SPEND))
    assert np.abs(scores).max() < 4.5
    assert 0.7 < np.sqrt(np.mean(np.square(scores))) < 1.3


def purchases_of(size, seed, p, q, v, even=0.0):
    """Return n, mean and mean logarithm of purchases; `even` > 0 makes who buys often also spend more."""
    draw = np.random.default_rng(seed)
    n = 1 + draw.negative_binomial(0.6, 0.15, size)
    scale = draw.gamma(q, 1 / v, size) / n**even
    who = np.repeat(np.arange(size), n)
    values = draw.gamma(p, 1 / scale[who])
    return n, np.bincount(who, values) / n, np.bincount(who, np.log(values)) / n


def test_spend_model_by_purchases():
    """The full likelihood: estimates within their standard errors, which are smaller than those of the means."""
    scores = []
    for seed in range(40):
        n, mean, mean_log = purchases_of(2000, seed, **SPEND)
        fit, published = GammaGamma(prior=False).fit(n, mean, mean_log=mean_log), GammaGamma(prior=False).fit(n, mean)
        assert fit.converged_
        assert fit.standard_errors_["p"] < published.standard_errors_["p"] / 3
        scores.append(z_scores(fit, SPEND))
    assert np.abs(scores).max() < 4.5
    assert 0.7 < np.sqrt(np.mean(np.square(scores))) < 1.3


def test_spend_where_frequent_buyers_spend_more():
    """n and spend correlate, as on every real set: the means mistake it for unevenness, the purchases do not."""
    n, mean, mean_log = purchases_of(4000, 5, **SPEND, even=0.5)
    full, published = GammaGamma().fit(n, mean, mean_log=mean_log), GammaGamma().fit(n, mean)
    assert abs(np.log(full.p_ / SPEND["p"])) < 0.05
    assert abs(np.log(published.p_ / SPEND["p"])) > 0.4


def test_prior_keeps_small_bases_sane():
    """50 customers: with the prior every fit converges and forecasts within a factor of 4 of the truth."""
    for seed in range(30):
        base = simulate(50, seed, months=12)
        fit = ModifiedBetaGeo().fit(*base.times)
        assert fit.converged_
        truth = ModifiedBetaGeo.from_parameters(**TRUTH).expected_purchases(365, *base.times).sum()
        assert 0.25 < fit.expected_purchases(365, *base.times).sum() / truth < 4


def test_prior_strength_pulls():
    """Stronger priors give estimates nearer to their centre; strength 0 is no prior."""
    base = simulate(400, 3)
    gaps = [
        abs(np.log(ModifiedBetaGeo(prior_strength=strength).fit(*base.times).b_ / 4)) for strength in (0, 1, 10, 1000)
    ]
    assert gaps == sorted(gaps, reverse=True)
    none = ModifiedBetaGeo(prior=False).fit(*base.times)
    assert ModifiedBetaGeo(prior_strength=0).fit(*base.times).parameters_ == none.parameters_


def test_restored_parameters_predict_alike():
    """What a stored fit must hold: parameters and covariance."""
    base = simulate(500, 4)
    fit = ModifiedBetaGeo().fit(*base.times)
    again = ModifiedBetaGeo.from_parameters(**fit.parameters_, covariance=fit.covariance_.tolist())
    np.testing.assert_array_equal(fit.expected_purchases(90, *base.times), again.expected_purchases(90, *base.times))
    assert again.standard_errors_ == pytest.approx(fit.standard_errors_, rel=1e-12)


def test_unknown_covariance_survives_storage():
    """A fit without prior on a plateau has no standard errors; its stored parameters still predict."""
    fit = ModifiedBetaGeo.from_parameters(**TRUTH, covariance=np.full((4, 4), np.nan))
    spend = GammaGamma.from_parameters(**SPEND)
    assert np.isnan(list(fit.standard_errors_.values())).all()
    scores = score(fit, spend, [3], [50], [90], [4], [20.0])
    assert np.isfinite([scores.clv, scores.clv_low, scores.clv_high]).all()

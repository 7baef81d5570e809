"""Bad input: a typed error that quotes the value, or the documented degenerate result. Never a silent NaN."""

import numpy as np
import pytest

from customer_base import BetaGeo, EmptyDataError, GammaGamma, InvalidInputError, ModifiedBetaGeo, NotFittedError

pytestmark = pytest.mark.filterwarnings("error")
NAN = float("nan")
MODELS = [BetaGeo, ModifiedBetaGeo]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("x", "t_x", "T", "message"),
    [
        ([-1], [0], [5], r"x must be >= 0, got -1.0 at position 0"),
        ([1, 1.5], [1, 1], [5, 5], r"x must be whole numbers, got 1.5 at position 1"),
        ([1], [-2], [5], r"t_x must be >= 0, got -2.0"),
        ([1], [6], [5], r"t_x must be <= T, got 6.0"),
        ([0], [3], [5], r"t_x must be 0 where x is 0, got 3.0"),
        ([1], [1], [-5], r"T must be >= 0, got -5.0"),
        ([1, NAN], [1, 1], [5, 5], r"x must be finite, got nan at position 1"),
        ([1], [NAN], [5], r"t_x must be finite, got nan"),
        ([1], [1], [np.inf], r"T must be finite, got inf"),
        ([1, 2], [1, 2, 3], [5, 5], r"one shape, got \(2,\), \(3,\), \(2,\)"),
        (["a"], [1], [5], r"x must be numbers, got \['a'\]"),
    ],
)
def test_customers(model, x, t_x, T, message):
    """The same check guards the fit and every prediction."""
    fitted = model.from_parameters(0.5, 5.0, 0.8, 2.0)
    with pytest.raises(InvalidInputError, match=message):
        model().fit(x, t_x, T)
    with pytest.raises(InvalidInputError, match=message):
        fitted.probability_alive(x, t_x, T)
    with pytest.raises(InvalidInputError, match=message):
        fitted.expected_purchases(30, x, t_x, T)


@pytest.mark.parametrize("model", MODELS)
def test_fit_needs_something_to_learn_from(model):
    """No rows, no weight, no time."""
    with pytest.raises(EmptyDataError, match="0 rows"):
        model().fit([], [], [])
    with pytest.raises(EmptyDataError, match="all 2 weights are 0"):
        model().fit([0, 1], [0, 1], [5, 5], weights=[0, 0])
    with pytest.raises(InvalidInputError, match="T must be > 0 for at least one customer, got 0.0"):
        model().fit([0, 0], [0, 0], [0, 0])
    with pytest.raises(InvalidInputError, match="weights must be >= 0, got -1.0"):
        model().fit([0, 1], [0, 1], [5, 5], weights=[1, -1])
    with pytest.raises(InvalidInputError, match="weights"):
        model().fit([0, 1], [0, 1], [5, 5], weights=[1])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("rows", [([0], [0], [9]), ([3], [7], [9]), ([2] * 50, [4] * 50, [9] * 50)])
def test_one_customer_and_all_equal(model, rows):
    """With the prior a finite fit; without it either converged or said not to be."""
    fit = model().fit(*rows)
    assert fit.converged_
    assert all(np.isfinite(value) and value > 0 for value in fit.parameters_.values())
    assert np.isfinite(fit.expected_purchases(30, *rows)).all()
    bare = model(prior=False).fit(*rows)
    assert np.isfinite(list(bare.parameters_.values())).all()
    assert np.isfinite(bare.log_likelihood_)


@pytest.mark.parametrize("model", MODELS)
def test_no_repeat_purchase_at_all_is_not_called_converged_without_prior(model):
    """The likelihood of a base without repeats rises for ever towards r = 0 or a larger alpha."""
    rows = np.zeros(30), np.zeros(30), np.linspace(1, 300, 30)
    assert not model(prior=False).fit(*rows).converged_
    assert model().fit(*rows).converged_


@pytest.mark.parametrize("model", [*MODELS, GammaGamma])
def test_unfitted(model):
    """A prediction before the fit."""
    with pytest.raises(NotFittedError, match=model.__name__):
        model().log_likelihood([1], [1], [1])


@pytest.mark.parametrize("model", MODELS)
def test_parameters_and_horizon(model):
    """Restored parameters and t are checked as well."""
    with pytest.raises(InvalidInputError, match="alpha must be > 0, got 0.0"):
        model.from_parameters(0.5, 0.0, 1, 2)
    with pytest.raises(InvalidInputError, match="b must be finite, got nan"):
        model.from_parameters(0.5, 1.0, 1, NAN)
    with pytest.raises(InvalidInputError, match=r"covariance must have shape \(4, 4\), got \(2, 2\)"):
        model.from_parameters(0.5, 1.0, 1, 2, covariance=np.eye(2))
    fit = model.from_parameters(0.5, 5.0, 0.8, 2.0)
    with pytest.raises(InvalidInputError, match="t must be >= 0, got -1.0"):
        fit.expected_purchases(-1, 1, 2, 3)
    with pytest.raises(InvalidInputError, match="count must be a whole number >= 1, got 0"):
        fit.purchase_probabilities(5, 1, 2, 3, count=0)
    with pytest.raises(InvalidInputError, match="quantile must be < 1, got 1.0"):
        fit.next_purchase(1, 3, quantile=1.0)
    with pytest.raises(InvalidInputError, match="prior_strength must be >= 0, got -2.0"):
        model(prior_strength=-2.0).fit([1], [1], [2])


@pytest.mark.parametrize(
    ("n", "mean", "message"),
    [
        ([0], [5.0], "n must be >= 1, got 0.0"),
        ([1.5], [5.0], "n must be whole numbers, got 1.5"),
        ([2], [0.0], "mean must be > 0, got 0.0"),
        ([2, 2], [5.0, -3.0], "mean must be > 0, got -3.0 at position 1"),
        ([2], [NAN], "mean must be finite, got nan"),
        ([1, 2], [1.0, 2.0, 3.0], "one shape"),
        ([], [], "0 rows"),
    ],
)
def test_spend(n, mean, message):
    """The spend model's own ranges."""
    with pytest.raises(InvalidInputError, match=message):
        GammaGamma().fit(n, mean)


@pytest.mark.parametrize(
    ("mean_log", "message"),
    [
        ([1.0, 2.4], r"mean_log must be at most log\(mean\), got 2.4 at position 1"),
        ([-np.inf, 1.0], "mean_log must be finite, got -inf"),
        ([1.0], "must have the customers' shape"),
    ],
)
def test_spend_logarithms(mean_log, message):
    """A mean logarithm that no purchases have."""
    with pytest.raises(InvalidInputError, match=message):
        GammaGamma().fit([2, 2], [10.0, 10.0], mean_log=mean_log)


def test_spend_needs_q_above_one():
    """At q <= 1 the population has no mean spend: such parameters are refused."""
    with pytest.raises(InvalidInputError, match="q must be > 1, got 0.9"):
        GammaGamma.from_parameters(2.0, 0.9, 10.0)


def test_spend_degenerate():
    """One customer, all equal and heavy tails: a finite positive spend, the population's for n = 0."""
    for n, mean in (([1], [10.0]), ([3] * 40, [10.0] * 40)):
        fit = GammaGamma().fit(n, mean, mean_log=np.log(mean))
        assert np.isfinite(fit.expected_spend([0, 1, 50], [0.0, 10.0, 10.0])).all()
        fit = GammaGamma().fit(n, mean)
        assert np.isfinite(fit.expected_spend([0, 1, 50], [0.0, 10.0, 10.0])).all()
        assert fit.q_ > 1
    heavy = 10 * np.random.default_rng(1).pareto(0.8, 500) + 1e-3
    fit = GammaGamma().fit(np.ones(500), heavy)
    assert fit.q_ > 1
    assert fit.expected_spend(0, 0.0) > 0

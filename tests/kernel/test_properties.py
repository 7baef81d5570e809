"""What must hold for every customer and every parameter, as the theory says."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from customer_base import BetaGeo, GammaGamma, ModifiedBetaGeo

pytestmark = pytest.mark.filterwarnings("error")
MODELS = st.sampled_from([BetaGeo, ModifiedBetaGeo])
POSITIVE = st.floats(0.01, 50)
PARAMETERS = st.tuples(POSITIVE, st.floats(0.1, 500), POSITIVE, POSITIVE)
COUNT = st.integers(0, 200)
DAYS = st.floats(0, 3000)
# Rounding in the last digits, and of denormal numbers.
SLACK = 1 + 1e-11
TINY = 1e-300


@st.composite
def customers(draw):
    """A possible (x, t_x, T)."""
    x, T = draw(COUNT), draw(DAYS)
    return x, (draw(st.floats(0, 1)) * T if x else 0.0), T


@given(MODELS, PARAMETERS, customers(), DAYS)
def test_ranges(model, parameters, customer, t):
    """P(alive) is a probability, E[X(t)] finite, not negative and at most what a live Poisson buyer buys."""
    fit = model.from_parameters(*parameters)
    alive, expected = fit.probability_alive(*customer), fit.expected_purchases(t, *customer)
    r, alpha, *_ = parameters
    assert 0 <= alive <= 1
    assert 0 <= expected <= (r + customer[0]) * t / (alpha + customer[2]) * SLACK + TINY


@given(MODELS, PARAMETERS, customers(), DAYS)
def test_later_last_purchase_is_a_better_sign(model, parameters, customer, day):
    """P(alive) and E[X(t)] rise with t_x and fall with the silence since (T at the same t_x)."""
    x, t_x, T = customer
    fit = model.from_parameters(*parameters)
    later = min(t_x + day, T) if x else 0.0
    assert fit.probability_alive(x, later, T) * SLACK >= fit.probability_alive(x, t_x, T)
    assert fit.expected_purchases(90, x, later, T) * SLACK >= fit.expected_purchases(90, x, t_x, T)
    assert fit.probability_alive(x, t_x, T + day) <= fit.probability_alive(x, t_x, T) * SLACK
    assert fit.expected_purchases(90, x, t_x, T + day) <= fit.expected_purchases(90, x, t_x, T) * SLACK


@given(MODELS, PARAMETERS, st.integers(1, 200), DAYS)
def test_more_purchases_up_to_today_are_better(model, parameters, x, T):
    """With the last purchase today, each more raises both; P(alive) of silent customers may well fall with x."""
    fit = model.from_parameters(*parameters)
    assert fit.probability_alive(x + 1, T, T) * SLACK >= fit.probability_alive(x, T, T)
    assert fit.expected_purchases(90, x + 1, T, T) * SLACK >= fit.expected_purchases(90, x, T, T)


@given(MODELS, PARAMETERS, customers(), DAYS, DAYS)
def test_horizon(model, parameters, customer, t, more):
    """E[X(t)] rises with t, ever more slowly, from 0."""
    fit = model.from_parameters(*parameters)
    near, far, both = (fit.expected_purchases(span, *customer) for span in (t, more, t + more))
    assert fit.expected_purchases(0, *customer) == 0
    assert both * SLACK + TINY >= max(near, far)
    assert both <= (near + far) * SLACK + TINY


@given(MODELS, PARAMETERS, customers(), st.floats(1e-3, 1e3))
def test_time_unit(model, parameters, customer, unit):
    """Days, weeks or years: the same answers."""
    r, alpha, a, b = parameters
    x, t_x, T = customer
    fit, other = model.from_parameters(*parameters), model.from_parameters(r, alpha * unit, a, b)
    assume(t_x * unit <= T * unit)
    pairs = [
        (fit.probability_alive(x, t_x, T), other.probability_alive(x, t_x * unit, T * unit)),
        (fit.expected_purchases(30, x, t_x, T), other.expected_purchases(30 * unit, x, t_x * unit, T * unit)),
        (fit.next_purchase(x, T) * unit, other.next_purchase(x, T * unit)),
    ]
    for first, second in pairs:
        np.testing.assert_allclose(first, second, rtol=1e-10, atol=TINY)


@given(MODELS, PARAMETERS, customers(), st.floats(0.1, 1000))
def test_probabilities_of_counts(model, parameters, customer, t):
    """They sum to 1, are probabilities, and 0 purchases is likelier than not being alive."""
    fit = model.from_parameters(*parameters)
    chances = fit.purchase_probabilities(t, *customer, count=30)
    assert chances.shape == (31,)
    assert (chances >= -1e-12).all()
    assert chances.sum() == pytest.approx(1, abs=1e-12)
    assert chances[0] * SLACK >= 1 - fit.probability_alive(*customer)


@pytest.mark.parametrize("model", [BetaGeo, ModifiedBetaGeo])
def test_mean_of_counts_is_the_expectation(model):
    """Two independent formulas of one distribution."""
    fit = model.from_parameters(0.5, 6.0, 0.9, 1.6)
    chances = fit.purchase_probabilities(20, 3, 18, 20, count=400)
    mean = (np.arange(400) * chances[:-1]).sum()
    assert mean == pytest.approx(fit.expected_purchases(20, 3, 18, 20), rel=1e-9)


def test_next_purchase_is_the_median_of_a_live_customer():
    """By then a live customer has bought with probability 1/2; without leaving that is the count's own chance."""
    fit = ModifiedBetaGeo.from_parameters(0.5, 40.0, 1e-12, 1.0)
    days = fit.next_purchase(3, 200)
    assert fit.purchase_probabilities(days, 3, 200, 200, count=1)[0] == pytest.approx(0.5, abs=1e-9)


@given(
    st.tuples(st.floats(0.05, 50), st.floats(1.01, 50), st.floats(0.1, 1e4)),
    st.integers(1, 500),
    st.floats(0.01, 1e5),
    st.floats(0.01, 100),
)
def test_spend(parameters, n, mean, unit):
    """Between the customer's mean and the population's, nearer to its own with each purchase, in any currency."""
    p, q, v = parameters
    fit = GammaGamma.from_parameters(*parameters)
    population = fit.expected_spend(0, 0.0)
    value, more = fit.expected_spend(n, mean), fit.expected_spend(n + 1, mean)
    assert min(mean, population) / SLACK <= value <= max(mean, population) * SLACK
    assert abs(more - mean) <= abs(value - mean) * SLACK + 1e-9 * mean
    other = GammaGamma.from_parameters(p, q, v * unit).expected_spend(n, mean * unit)
    assert other == pytest.approx(value * unit, rel=1e-12)


@settings(max_examples=20)
@given(MODELS, st.integers(0, 10_000), st.sampled_from([1 / 7, 24.0, 365.0]))
def test_fit_in_another_time_unit(model, seed, unit):
    """Parameters scale with the unit, the likelihood by the density's factor."""
    draw = np.random.default_rng(seed)
    x = draw.poisson(1.5, 120).astype(float)
    T = draw.uniform(50, 400, 120)
    t_x = np.where(x > 0, T * draw.beta(2, 1, 120), 0.0)
    fit, other = model().fit(x, t_x, T), model().fit(x, t_x * unit, T * unit)
    scale = np.array([1, unit, 1, 1])
    ours, theirs = (np.array(list(each.parameters_.values())) for each in (fit, other))
    np.testing.assert_allclose(theirs, ours * scale, rtol=1e-3)
    assert other.log_likelihood_ == pytest.approx(fit.log_likelihood_ - x.sum() * np.log(unit), rel=1e-7)


@pytest.mark.parametrize("model", [BetaGeo, ModifiedBetaGeo])
def test_weights_are_repetition(model, cdnow_weeks):
    """A row with weight 3 is three rows; weight 0 is none; the order does not matter."""
    weights = np.arange(cdnow_weeks[0].size) % 4
    weighted = model().fit(*cdnow_weeks, weights=weights)
    repeated = model().fit(*(np.repeat(column, weights)[::-1] for column in cdnow_weeks))
    assert weighted.parameters_ == pytest.approx(repeated.parameters_, rel=1e-9)
    assert weighted.log_likelihood_ == pytest.approx(repeated.log_likelihood_, rel=1e-12)
    assert weighted.repeat_count_ == repeated.repeat_count_


def test_spend_weights_are_repetition(cdnow_repeat_spend):
    """The same for the spend model."""
    weights = np.arange(cdnow_repeat_spend[0].size) % 4
    weighted = GammaGamma().fit(*cdnow_repeat_spend, weights=weights)
    repeated = GammaGamma().fit(*(np.repeat(column, weights) for column in cdnow_repeat_spend))
    assert weighted.parameters_ == pytest.approx(repeated.parameters_, rel=1e-9)


@pytest.mark.parametrize("model", [BetaGeo, ModifiedBetaGeo])
def test_gradient_is_the_slope_of_the_likelihood(model, cdnow_weeks):
    """Central differences in each parameter, also where x is 0 and where P(alive) is near 0 or 1."""
    point = {"r": 0.4, "alpha": 5.0, "a": 0.7, "b": 2.0}
    gradient = model.from_parameters(**point).log_likelihood(*cdnow_weeks)[1]
    for slope, name in zip(gradient, point, strict=True):
        step = 1e-5 * point[name]
        up, down = (
            model.from_parameters(**{**point, name: point[name] + sign * step}).log_likelihood(*cdnow_weeks)[0]
            for sign in (1, -1)
        )
        assert slope == pytest.approx((up - down) / (2 * step), rel=1e-5)


@pytest.mark.parametrize("full", [False, True])
def test_spend_gradient_is_the_slope_of_the_likelihood(cdnow_repeat_spend, full):
    """The same for the spend model, by the means and by the purchases."""
    point = {"p": 4.0, "q": 3.0, "v": 20.0}
    data = {"mean_log": np.log(cdnow_repeat_spend[1]) - 0.1} if full else {}
    gradient = GammaGamma.from_parameters(**point).log_likelihood(*cdnow_repeat_spend, **data)[1]
    for slope, name in zip(gradient, point, strict=True):
        step = 1e-5 * point[name]
        up, down = (
            GammaGamma.from_parameters(**{**point, name: point[name] + sign * step}).log_likelihood(
                *cdnow_repeat_spend, **data
            )[0]
            for sign in (1, -1)
        )
        assert slope == pytest.approx((up - down) / (2 * step), rel=1e-5)


def test_spend_likelihood_is_that_of_the_purchases():
    """Two customers by the densities of the model: the integral over the customers' own scale, by quadrature."""
    p, q, v = 3.0, 2.5, 20.0
    customers = [np.array([12.0, 30.0, 9.0]), np.array([50.0])]
    scale = np.geomspace(1e-6, 1e3, 200_001)
    expected = 0.0
    for values in customers:
        density = np.exp(gamma.logpdf(scale, q, scale=1 / v) + gamma.logpdf(values[:, None], p, scale=1 / scale).sum(0))
        expected += np.log(np.trapezoid(density, scale))
    n, mean, mean_log = zip(*((each.size, each.mean(), np.log(each).mean()) for each in customers), strict=True)
    found = GammaGamma.from_parameters(p, q, v).log_likelihood(n, mean, mean_log=mean_log)[0]
    assert found == pytest.approx(expected, rel=1e-7)


def test_spend_unit_of_money():
    """Cents instead of euros: the same p and q, a hundred times v, and each density a hundredth."""
    values = np.random.default_rng(2).gamma(3.0, 1 / np.random.default_rng(3).gamma(3.0, 1 / 60, (900, 1)), (900, 4))
    fits = [
        GammaGamma().fit(np.full(900, 4), (unit * values).mean(1), mean_log=np.log(unit * values).mean(1))
        for unit in (1, 100)
    ]
    assert [fits[1].p_, fits[1].q_, fits[1].v_] == pytest.approx([fits[0].p_, fits[0].q_, 100 * fits[0].v_], rel=1e-4)
    assert fits[1].log_likelihood_ == pytest.approx(fits[0].log_likelihood_ - 3600 * np.log(100), rel=1e-8)

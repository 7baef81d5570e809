"""The comparison of a follow-up rule: how often it is wrong, and how much it finds, without Odoo."""

import numpy as np
import pytest
from lib.uplift import CONFIDENCE, DRAWS, LEAST_GROUP, Randomisation, is_in_control_group, uplift
from scipy.stats import binom
from uplift_worlds import World, pays

WORLDS = 250
#: more of them once in 100,000 runs, if the test is exact
FALSE = int(binom.isf(1e-5, WORLDS, (1 - CONFIDENCE) / 2))


@pytest.mark.parametrize("is_capped", [False, True])
@pytest.mark.parametrize("buying", [1.0, 0.4])
@pytest.mark.parametrize("customers, share", [(100, 0.4), (300, 0.2), (1000, 0.1)])
@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_a_rule_without_effect_pays_in_no_more_worlds_than_claimed(sigma, customers, share, buying, is_capped):
    world = World(customers, sigma, buying, is_capped, share)
    assert sum(pays(found) for found, _treated, _control in world.judged(WORLDS, seed=customers)) <= FALSE


def test_the_bound_catches_an_interval_by_variances():
    """The same worlds by Welch's interval: the skew makes it claim too much with a small control group."""
    world, wrong = World(1000, 2.0, 0.4, share=0.05), 0
    for _found, treated, control in world.judged(WORLDS, seed=3):
        error = (treated.var(ddof=1) / len(treated) + control.var(ddof=1) / len(control)) ** 0.5
        wrong += treated.mean() - control.mean() > 2.05 * error
    assert wrong > FALSE


@pytest.mark.parametrize("effect, least", [(3.0, 0.99), (1.5, 0.44)])
def test_an_effect_is_found(effect, least):
    world = World(2000, 1.5, 0.6, share=0.2, effect=effect)
    assert sum(pays(found) for found, _treated, _control in world.judged(100, seed=1)) / 100 >= least


def groups(treated, control):
    return Randomisation(np.arange(treated + control) >= treated, np.zeros(treated + control, int))


def test_the_interval_says_what_the_test_says():
    """The p-value by its definition, at no effect and just inside and outside both ends."""
    random = np.random.default_rng(4)
    design = groups(70, 40)
    before = random.lognormal(5, 1.5, 110)
    outcome = random.lognormal(5, 1.5, 110)
    outcome[:70] *= 1.6
    found = uplift(outcome, before, design)
    capped = np.minimum(outcome, np.quantile(outcome, 0.99))
    regressors = np.column_stack([np.ones(110), np.minimum(before, np.quantile(before, 0.99))])
    treated = ~design.is_control
    redrawn = np.concatenate(list(design.redraw(DRAWS, 0)))

    def p_value(effect, sign):
        residual = capped - effect * treated
        residual = residual - regressors @ np.linalg.lstsq(regressors, residual, rcond=None)[0]
        drawn = np.array([-residual[control].sum() for control in redrawn])
        observed = -residual[design.is_control].sum()
        return (1 + np.sum(sign * drawn >= sign * observed - 1e-7)) / (1 + DRAWS)

    level = (1 - CONFIDENCE) / 2
    assert (found.low > 0) == (p_value(0, 1) <= level)
    for end, sign in ((found.low, 1), (found.high, -1)):
        assert p_value(end - sign * 0.01, sign) <= level < p_value(end + sign * 0.01, sign)
    least = np.linalg.lstsq(np.column_stack([regressors, treated]), capped, rcond=None)[0]
    assert found.difference == pytest.approx(least[-1])


def test_what_the_revenue_before_explains_is_no_effect():
    random = np.random.default_rng(2)
    before = random.uniform(100, 200, 100)
    before[:60] += 50  # chance, or a draw by size
    found = uplift(before * 2, before, groups(60, 40))
    assert found.difference == pytest.approx(0, abs=30)
    assert not pays(found)


def test_customers_are_compared_with_those_of_the_same_share():
    """Held out 10 % in a good month, 50 % in a bad one: the months are no effect."""
    is_control = np.repeat([False, True, False, True], [90, 10, 40, 40])
    stratum = np.repeat([10, 50], [100, 80])
    outcome = np.where(stratum == 10, 1000.0, 100.0)
    found = uplift(outcome, np.zeros(180), Randomisation(is_control, stratum))
    assert (found.difference, found.low, found.high) == pytest.approx((0, 0, 0))
    outcome[~is_control] += 30
    assert uplift(outcome, np.zeros(180), Randomisation(is_control, stratum)).difference == pytest.approx(30)


def test_a_stratum_of_one_group_counts_nothing():
    is_control = np.repeat([False, True, False], [40, 40, 500])
    stratum = np.repeat([50, 0], [80, 500])
    outcome = np.where(stratum == 50, 100.0, 9999.0) + np.arange(580) % 5
    found = uplift(outcome, np.zeros(580), Randomisation(is_control, stratum))
    assert found.difference == pytest.approx(0, abs=0.5)


def test_few_equal_and_wrong_numbers():
    assert not uplift(np.ones(70), np.ones(70), groups(70 - LEAST_GROUP + 1, LEAST_GROUP - 1)).is_enough
    assert not uplift(np.zeros(0), np.zeros(0), groups(0, 0)).is_enough
    found = uplift(np.full(80, 7.0), np.full(80, 3.0), groups(40, 40))
    assert (found.difference, found.low, found.high, found.is_enough) == (0, 0, 0, True)
    found = uplift(np.repeat([9.0, 7.0], 40), np.zeros(80), groups(40, 40))
    assert (found.difference, found.low, found.high) == pytest.approx((2, 2, 2))
    # 199 in 200 bring nothing: the cap would take away all that there is
    rare = uplift(np.where(np.arange(400) % 200, 0.0, 100.0), np.zeros(400), groups(200, 200))
    assert (rare.difference, pays(rare)) == (0, False)
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="finite"):
            uplift(np.array([wrong] * 80), np.zeros(80), groups(40, 40))
    with pytest.raises(ValueError, match="same customers"):
        uplift(np.zeros(79), np.zeros(80), groups(40, 40))


def test_the_draws_keep_the_size_of_each_stratum():
    is_control = np.repeat([False, True, False, True], [90, 10, 40, 40])
    stratum = np.repeat([10, 50], [100, 80])
    drawn = np.concatenate(list(Randomisation(is_control, stratum).redraw(DRAWS, 1)))
    assert drawn.shape == (DRAWS, 50)
    assert (np.sort(drawn, axis=1)[:, 1:] != np.sort(drawn, axis=1)[:, :-1]).all()
    assert ((drawn < 100).sum(axis=1) == 10).all()
    # each customer of a stratum as often as the others
    assert np.bincount(drawn.ravel(), minlength=180)[100:].std() < 3 * (DRAWS / 4) ** 0.5


def test_the_draw_needs_the_secret():
    drawn = {
        secret: [is_in_control_group(secret, 7, customer, 30) for customer in range(3000)] for secret in (b"a", b"b")
    }
    agree = np.mean(np.array(drawn[b"a"]) == np.array(drawn[b"b"]))
    assert agree == pytest.approx(0.3**2 + 0.7**2, abs=0.05)
    assert np.mean(drawn[b"a"]) == pytest.approx(0.3, abs=0.04)

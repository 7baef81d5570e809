"""Next products, without Odoo: a public set held out on time, and worlds that have nothing to tell."""

import numpy as np
import pytest
from conftest import ROOT
from lib.recommendation import backtest, methods

#: what is bought from this day of 2017 on is held out: the last quarter
HELD_OUT = 275


@pytest.fixture(scope="module")
def complete_journey():
    """Households and products of the set, and the day on which each pair was bought first."""
    with np.load(ROOT / "tests" / "data" / "complete_journey.npz") as stored:
        pair, day = np.cumsum(stored["step"].astype(np.int64)), stored["day"].astype(np.int64)
    return pair // 5000, pair % 5000, day


def test_the_linear_model_beats_the_best_sellers_on_a_public_set(complete_journey):
    household, product, day = complete_journey
    shape = household.max() + 1, product.max() + 1
    early = day < HELD_OUT
    before = backtest.matrix(household[early], product[early], shape)
    later = backtest.matrix(household[~early], product[~early], shape)
    asked = np.flatnonzero((np.diff(later.indptr) > 0) & (np.diff(before.indptr) > 0))
    segments, margins = np.zeros(shape[0], np.int64), np.ones(shape[1])
    recall = {
        method: backtest._hits(backtest.fit(method, before, segments), before, later, segments, asked, margins)[
            0
        ].mean()
        for method in ("best_sellers", "ease")
    }
    assert recall["best_sellers"] > 0.05
    assert recall["ease"] >= 1.25 * recall["best_sellers"]


def test_where_nothing_is_to_be_told_the_best_sellers_win():
    chance = np.random.default_rng(3)
    popular = chance.dirichlet(np.full(40, 0.5))
    bought = chance.random((600, 40)) < 12 * popular
    early = bought & (chance.random(bought.shape) < 0.6)
    scores, asked = backtest.compare(
        backtest.matrix(*np.nonzero(early), bought.shape),
        backtest.matrix(*np.nonzero(bought & ~early), bought.shape),
        np.zeros(600, np.int64),
        np.ones(40),
    )
    assert asked > backtest.LEAST_CUSTOMERS
    assert backtest.choose(scores) == backtest.BEST_SELLERS


@pytest.mark.parametrize("products", [1, 3, 30])
def test_one_line_customers_are_too_few_to_tell(products):
    customer = np.arange(5_000)
    before = backtest.matrix(customer, customer % products, (5_000, products))
    later = backtest.matrix(np.zeros(0, int), np.zeros(0, int), (5_000, products))
    assert backtest.compare(before, later, np.zeros(5_000, int), np.ones(products)) == ({}, 0)


def test_what_a_customer_has_is_not_shown():
    chance = np.random.default_rng(1)
    bought = backtest.matrix(*np.nonzero(chance.random((100, 12)) < 0.4), (100, 12))
    offered = np.arange(12) != 3
    for method in backtest.METHODS:
        scorer = backtest.fit(method, bought, np.zeros(100, int))
        for customer, product, _score in backtest.next_products(scorer, bought, np.zeros(100, int), bought, offered):
            assert not bought[customer, product].any()
            assert 3 not in product


def test_the_shares_of_the_reasons_are_counts():
    from lib.recommendation.reasons import reasons

    chance = np.random.default_rng(2)
    dense = chance.random((400, 8)) < 0.5
    bought = backtest.matrix(*np.nonzero(dense), dense.shape)
    customers, products = np.arange(50), np.full(50, 7)
    for customer, first, second, share in zip(customers, *reasons(bought, customers, products), strict=True):
        if second >= 0:
            both = dense[:, first] & dense[:, second]
            assert dense[customer, first] and dense[customer, second]
            assert share == pytest.approx(dense[both, 7].mean())


def test_scorers_are_stable():
    bought = backtest.matrix(*np.nonzero(np.eye(6)), (6, 6))
    assert np.isfinite(methods.fit_ease(bought)(bought, np.zeros(6, int))).all()

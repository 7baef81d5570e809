"""The whole fit: earlier windows, sample, forecast, and what it says of who left."""

import json

import numpy as np
import pytest
from simulate import MONTH

from customer_base import BetaGeo, EmptyDataError, fit_ensemble, merge_days
from customer_base.ensemble import View, earlier_days
from customer_base.history import stratified_sample
from customer_base.stack import alone


def purchases(size, seed, years=4):
    """Return a base of customers with own rates, lifetimes and spend that goes with the rate."""
    draw = np.random.default_rng(seed)
    begin = draw.integers(0, 300 * years, size)
    rate = draw.gamma(0.8, 0.02, size) + 0.001
    end = np.minimum(begin + draw.exponential(800, size), 365 * years)
    count = draw.poisson(rate * (end - begin))
    who = np.concatenate([np.arange(size), np.repeat(np.arange(size), count)])
    when = np.concatenate([begin, begin[who[size:]] + draw.random(who.size - size) * (end - begin)[who[size:]]])
    value = draw.gamma(2.0, 1 / draw.gamma(3.0, 1 / 80.0, size)[who]) * (1 + 40 * rate[who])
    return merge_days(who, np.floor(when), value)


@pytest.fixture(scope="module")
def base():
    """1,500 customers over four years."""
    return purchases(1500, 1)


@pytest.fixture(scope="module")
def fit(base):
    """Fitted after three years."""
    return fit_ensemble(*base, 1095)


def test_windows_lie_in_the_past_and_do_not_reach_beyond(fit):
    """Up to four, the latest first; each ends before the fit."""
    splits = [window.split for window in fit.windows]
    assert len(splits) == 4
    assert splits == sorted(splits, reverse=True)
    assert all(window.split + window.days <= 1095 for window in fit.windows)
    assert splits[0] + fit.windows[0].days == 1095


@pytest.mark.parametrize("history", [1, 2, 30, 100, 730, 5000])
def test_earlier_days_of_any_history(history):
    """At most a year ahead, never before the first purchase."""
    splits, days = earlier_days(0, history)
    assert days == min(365, history // 2)
    assert all(0 <= split <= history - days for split in splits)


def test_forecast_is_near_what_came(base, fit):
    """The total within a tenth, and better than the last year carried forward."""
    view = View(*base, 1095)
    forecast, actual = fit.forecast(view), view.actual(365)
    assert forecast.sum() / actual.sum() == pytest.approx(1, abs=0.12)
    assert np.abs(forecast - actual).mean() < np.abs(view.recent.year - actual).mean()
    assert (forecast >= 0).all()


def test_one_customer_gets_the_forecast_of_all(base, fit):
    """A customer who is scored alone gets the same figure."""
    customer, day, value = base
    everybody = fit.forecast(View(*base, 1095))
    ids = View(*base, 1095).past.customer
    for one in ids[[0, 100, -1]]:
        alone_there = customer == one
        view = View(customer[alone_there], day[alone_there], value[alone_there], 1095)
        assert fit.forecast(view)[0] == everybody[ids == one][0]


def test_probabilities_come_true(base, fit):
    """Of those said to stay away, as many did; in each third of the probabilities, too."""
    view = View(*base, 1095)
    days, said = fit.silent_probability(view)
    came = view.silent(days)
    order = np.argsort(said)
    for third in np.array_split(order, 3):
        assert said[third].mean() == pytest.approx(came[third].mean(), abs=0.06)


def test_few_customers_have_the_model_alone(base):
    """Below 40 repeat customers nothing is weighed, and no interval is read off them."""
    few = base[0] < 45
    fit = fit_ensemble(*(column[few] for column in base), 1095)
    assert fit.stack == alone()
    assert fit.bands is None


def test_young_company():
    """All customers of the last days: no window, no error."""
    fit = fit_ensemble([1, 1, 2, 3], [0, 1, 0, 1], [10.0, 20.0, 5.0, 8.0], 1)
    assert fit.windows == []
    assert fit.stack == alone()
    with pytest.raises(EmptyDataError):
        fit_ensemble([1], [5], [10.0], 4)


def test_other_purchase_model(base):
    """BG/NBD in place of MBG/NBD."""
    assert isinstance(fit_ensemble(*base, 1095, kind=BetaGeo).model, BetaGeo)


def test_sample_stands_for_all(base):
    """A third of the customers: weights add up, large accounts are all there, the forecast moves by a few percent."""
    (customer, _, value), weight = stratified_sample(*base, largest=500)
    assert np.unique(customer).size == weight.size == 500
    assert weight.sum() == pytest.approx(np.unique(base[0]).size)
    totals = np.bincount(base[0], base[2])
    assert set(np.argsort(totals)[-50:]) <= set(customer.tolist())
    assert (np.bincount(customer, value)[np.unique(customer)] * weight).sum() == pytest.approx(totals.sum(), rel=0.03)
    view = View(*base, 1095)
    whole, part = fit_ensemble(*base, 1095), fit_ensemble(*base, 1095, largest=500)
    assert part.forecast(view).sum() / whole.forecast(view).sum() == pytest.approx(1, abs=0.06)


def test_horizon_is_capped_by_what_was_tried(base):
    """After ten months of history, nobody is asked about more than five."""
    fit = fit_ensemble(*base, int(10 * MONTH))
    days, _ = fit.silent_probability(View(*base, int(10 * MONTH)))
    assert days.max() <= 152


def test_months_add_up_to_the_year_and_fade(base, fit):
    """The 12 months of 30.44 days are the year that is forecast; whoever leaves does so month by month."""
    total = fit.forecast(View(*base, 1095)).sum()
    assert sum(fit.months) == pytest.approx(total * 365.28 / 365, rel=1e-3)
    assert (np.diff(fit.months) < 0).all()


def test_segments_are_learned_tried_and_forecast(base):
    """A quarter of the customers grow fourfold: told apart where that is known, and stored as plain numbers."""
    customer, day, value = base
    known = (
        np.unique(customer),
        {"country": 1 + np.unique(customer) % 4, "none": np.zeros(np.unique(customer).size, int)},
    )
    grown = np.where((customer % 4 == 0) & (day > 365), value * 4 ** ((day - 365) / 365), value)
    plain = fit_ensemble(customer, day, grown, 1095)
    told = fit_ensemble(customer, day, grown, 1095, known=known)
    assert plain.segments is None
    assert told.segments.name == "country"
    assert told.segments.factors[1] > 1.3 > 1.0 > told.segments.factors[2]
    view = View(customer, day, grown, 1095)
    actual = view.actual(365)
    errors = [np.abs(shown - actual).mean() for shown in (plain.forecast(view), told.forecast(view, known))]
    assert errors[1] < errors[0]
    again = told.restored(told.model, told.spend, json.loads(json.dumps(told.state())))
    np.testing.assert_array_equal(again.forecast(view, known), told.forecast(view, known))
    assert fit_ensemble(customer, day, value, 1095, known=known).segments is None

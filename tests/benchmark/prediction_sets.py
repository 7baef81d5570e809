"""Customer bases for the prediction bench: public ones, read from files, and simulated ones that break the models.

A base is `customer`, `day` (whole days), `value` per purchase. The simulated ones differ from what the purchase model
assumes in one respect each: regular buyers, a growing company, heavy-tailed spend that goes with the rate, seasons.
"""

import csv
from datetime import date
from pathlib import Path

import numpy as np

YEAR = 365


def simulated_base(
    size,
    seed,
    *,
    years=4,
    yearly_rate=6.0,
    rate_spread=1.0,
    regularity=(1,),
    lifetime_years=3.0,
    drift=0.0,
    trend=0.0,
    season=0.0,
    spend=100.0,
    spend_between=1.0,
    spend_within=0.6,
    correlation=0.0,
    start_share=0.3,
):
    """Draw a base.

    Parameters
    ----------
    size, seed : int
    years : float
    yearly_rate, rate_spread : float
        Median purchases per year of a live customer, and the standard deviation of their logarithm among customers.
    regularity : sequence of int
        Gaps are Erlang(k) with k drawn from these.
    lifetime_years : float
        Median lifetime; log-normal with standard deviation 1.
    drift : float
        Standard deviation of the change per quarter of the logarithm of a customer's rate.
    trend : float
        Growth of all rates per year, in logarithms.
    season : float
        Amplitude of the yearly wave of all rates, 0..1.
    spend, spend_between, spend_within : float
        Median value, standard deviation of its logarithm among customers and within a customer.
    correlation : float
        Of the logarithms of rate and spend.
    start_share : float
        Share of the customers who are there on the first day.

    Returns
    -------
    customer, day, value : numpy.ndarray
    """
    draw = np.random.default_rng(seed)
    span = int(years * YEAR)
    begins = np.where(draw.random(size) < start_share, draw.integers(0, 60, size), draw.integers(0, span, size))
    common = draw.standard_normal(size)
    rate = yearly_rate / YEAR * np.exp(rate_spread * common)
    own = correlation * common + np.sqrt(1 - correlation**2) * draw.standard_normal(size)
    level = spend * np.exp(spend_between * own)
    ends = begins + lifetime_years * YEAR * np.exp(draw.standard_normal(size))
    shape = draw.choice(regularity, size)
    quarters = span // 91 + 2
    walk = np.cumsum(drift * draw.standard_normal((size, quarters)), axis=1) - drift**2 * quarters / 4
    now, rows = begins.astype(float), [(np.arange(size), begins.astype(float))]
    who = np.arange(size)
    while who.size:
        time = now[who]
        wave = 1 + season * np.sin(2 * np.pi * time / YEAR)
        pace = rate[who] * np.exp(walk[who, (time // 91).astype(int)] + trend * time / YEAR) * wave
        now[who] = time + draw.gamma(shape[who], 1 / (shape[who] * pace))
        who = who[now[who] < np.minimum(ends[who], span)]
        rows.append((who, now[who]))
    customer = np.concatenate([each for each, _ in rows])
    day = np.floor(np.concatenate([each for _, each in rows])).astype(int)
    value = level[customer] * np.exp(spend_within * draw.standard_normal(customer.size))
    return customer, day, value


#: what each simulated base is like; `False` marks one-off customers of a shop, `True` accounts of a business
SIMULATED = {
    "sim_shop": (False, {"size": 4000, "yearly_rate": 1.5, "lifetime_years": 1.0, "spend": 40.0, "start_share": 0.1}),
    "sim_contracts": (True, {"size": 800, "yearly_rate": 8.0, "rate_spread": 0.5, "regularity": (1, 4, 16)}),
    "sim_erlang": (False, {"size": 2000, "yearly_rate": 4.0, "regularity": (3,), "lifetime_years": 2.0}),
    "sim_wholesale": (
        True,
        {"size": 1500, "rate_spread": 1.3, "spend_between": 1.4, "spend_within": 0.9, "correlation": 0.4, "drift": 0.2},
    ),
    "sim_growth": (True, {"size": 1500, "trend": 0.2, "correlation": 0.3, "drift": 0.1}),
    "sim_season": (True, {"size": 1500, "season": 0.7, "correlation": 0.3}),
    "sim_small": (True, {"size": 120, "correlation": 0.3, "spend_between": 1.2, "drift": 0.15}),
}


def read_purchases(path, customer, day, value, until=10):
    """Return a base from a CSV file with the named columns; rows without a customer or below 0 are left out.

    Parameters
    ----------
    until : int
        Characters of the date.
    """
    with Path(path).open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row[customer] and float(row[value]) > 0]
    names = {name: place for place, name in enumerate(sorted({row[customer] for row in rows}))}
    return (
        np.array([names[row[customer]] for row in rows]),
        np.array([date.fromisoformat(row[day][:until]).toordinal() for row in rows]),
        np.array([float(row[value]) for row in rows]),
    )

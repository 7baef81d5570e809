"""What a new customer brings in the first year, by what is known of them beforehand: for leads.

How to use: `fit_worth` learns from customers whose first year is over, `Worth.expect` answers for leads.

How it works: an average, times a factor for each country, source and so on. Customers differ a hundredfold, so that
most differences between a dozen of them and a dozen others are chance; a factor is therefore pulled to 1 by how much
chance alone would explain (Bühlmann and Straub 1970, "Glaubwürdigkeit für Schadensätze"). The factors are first learned
from the earlier customers and tried on the later ones. Only if they do better there than one average for everybody are
they used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .columns import Bools, Floats, Ints
from .customer_base.metrics import is_clearly_better, tweedie_deviance
from .customer_base.stack import credible

YEAR = 365
#: customers who are learned from, and who are tried on, at least
LEAST = 30
#: the largest values count as this quantile when factors are learned, so that one account makes no country
_LARGEST = 0.98
#: share of the customers, the latest ones, that the factors are tried on
_TRIED = 1 / 3
_ROUNDS = 10


@dataclass(frozen=True)
class Worth:
    """What new customers bring in the first year.

    Attributes
    ----------
    mean : float
        Of all whose first year is over.
    customers : int
    factors : dict of str to dict of int to float
        Per attribute and level what the mean is multiplied by; empty where factors do not help.
    counts : dict of str to dict of int to int
        Customers per attribute and level.
    trial : Trial or None
        None where too few customers came to try anything on.

    Examples
    --------
    >>> worth = Worth(100.0, 40, {"country": {7: 1.5}}, {"country": {7: 12}}, None)
    >>> worth.expect({"country": 7, "source": 3}), worth.expect({"country": 0})
    (150.0, 100.0)
    """

    mean: float
    customers: int
    factors: dict[str, dict[int, float]]
    counts: dict[str, dict[int, int]]
    trial: Trial | None

    def expect(self, levels: Mapping[str, int]) -> float:
        """Return what a customer of these levels is expected to bring; 0 is unknown."""
        known = (self.factors.get(name, {}).get(level, 1.0) for name, level in levels.items() if level)
        return float(self.mean * np.prod([1.0, *known]))


@dataclass(frozen=True)
class Trial:
    """How the factors did with later customers than they were learned from, in plain numbers.

    Attributes
    ----------
    customers : int
    were_leads : bool
        Whether only those are counted who came as a lead.
    expected, actual : float
        In all.
    deviance : float
        Tweedie deviance over that of one average for everybody.
    is_better : bool
        Whether it is smaller by more than chance explains.
    """

    customers: int
    were_leads: bool
    expected: float
    actual: float
    deviance: float
    is_better: bool


def first_years(customer: Ints, day: Ints, value: Floats, as_of: int) -> tuple[Ints, Ints, Floats]:
    """Return the customers whose first year is over, the day of their first purchase, and what they brought in it.

    :param customer, day, value: shape (n,), purchases ordered by customer and day
    :param as_of: the last day that is known

    >>> rows = np.array([1, 1, 1, 2]), np.array([0, 100, 400, 300]), np.array([5.0, 6.0, 7.0, 8.0])
    >>> [column.tolist() for column in first_years(*rows, as_of=500)]
    [[1], [0], [11.0]]
    """
    if not customer.size:
        return customer, day, value
    start = np.flatnonzero(np.r_[True, customer[1:] != customer[:-1]])
    row = np.repeat(np.arange(start.size), np.diff(start, append=customer.size))
    first = day[start]
    within = day < first[row] + YEAR
    total = np.asarray(np.bincount(row[within], weights=value[within], minlength=start.size), np.float64)
    over = first + YEAR <= as_of + 1
    return customer[start][over], first[over], total[over]


def fit_worth(first: Ints, value: Floats, attributes: Mapping[str, Ints], was_lead: Bools) -> Worth | None:
    """Learn what new customers bring.

    :param first: shape (n,), day of the first purchase
    :param value: shape (n,), brought in the first year, >= 0
    :param attributes: name → shape (n,), what the customer is like: ids > 0, 0 for unknown
    :param was_lead: shape (n,), whether the customer came as a lead
    :return: None for fewer than `LEAST` customers, or where nothing was brought

    >>> draw = np.random.default_rng(1)
    >>> country, first = draw.integers(1, 3, 900), np.sort(draw.integers(0, 1500, 900))
    >>> found = fit_worth(first, draw.gamma(2.0, 50.0 * country), {"country": country}, np.ones(900, bool))
    >>> round(found.expect({"country": 2}) / found.expect({"country": 1}), 1), round(found.trial.deviance, 1)
    (2.1, 0.8)
    """
    if first.size < LEAST or not value.sum() > 0:
        return None
    trial = _tried(first, value, attributes, was_lead)
    factors = _factors(value, attributes) if trial and trial.is_better else {}
    counts = {
        name: {int(level): int(count) for level, count in zip(*np.unique(codes, return_counts=True), strict=True)}
        for name, codes in attributes.items()
    }
    mean = float(value.sum() / _product(factors, attributes, first.size).sum())
    return Worth(mean, int(first.size), factors, counts, trial)


def _tried(first: Ints, value: Floats, attributes: Mapping[str, Ints], was_lead: Bools) -> Trial | None:
    """Learn from those whose first year was over on a day, and try on those who came after it."""
    split = np.quantile(first, 1 - _TRIED)
    known, later = first + YEAR <= split, first > split
    were_leads = bool((later & was_lead).sum() >= LEAST)
    if were_leads:
        later &= was_lead
    if min(known.sum(), later.sum()) < LEAST or not (value[known].sum() > 0 and value[later].sum() > 0):
        return None
    past = {name: codes[known] for name, codes in attributes.items()}
    factors = _factors(value[known], past)
    mean = value[known].sum() / _product(factors, past, int(known.sum())).sum()
    expected = mean * _product(factors, {name: codes[later] for name, codes in attributes.items()}, int(later.sum()))
    plain = np.full(expected.size, value[known].mean())
    return Trial(
        customers=int(later.sum()),
        were_leads=were_leads,
        expected=float(expected.sum()),
        actual=float(value[later].sum()),
        deviance=tweedie_deviance(expected, value[later]) / tweedie_deviance(plain, value[later]),
        is_better=is_clearly_better(expected, plain, value[later]),
    )


def _factors(value: Floats, attributes: Mapping[str, Ints]) -> dict[str, dict[int, float]]:
    """Return the factor of each level, by turns: each attribute explains what the others leave."""
    capped = np.minimum(value, np.quantile(value, _LARGEST))
    factors: dict[str, dict[int, float]] = {name: {} for name in attributes}
    for _ in range(_ROUNDS):
        for name, codes in attributes.items():
            others = {key: found for key, found in factors.items() if key != name}
            expected = _product(others, attributes, value.size)
            expected *= capped.sum() / expected.sum()
            factors[name] = credible(capped, expected, codes)
    return {name: found for name, found in factors.items() if found}


def _product(factors: Mapping[str, Mapping[int, float]], attributes: Mapping[str, Ints], size: int) -> Floats:
    """Return the product of the factors of each customer."""
    result = np.ones(size)
    for name, found in factors.items():
        levels, place = np.unique(attributes[name], return_inverse=True)
        result *= np.array([found.get(int(level), 1.0) for level in levels])[place]
    return result

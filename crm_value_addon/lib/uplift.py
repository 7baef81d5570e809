"""The control group of a follow-up rule, and the uplift of the rule: a stable draw, and the difference of two means."""

import hashlib
import math
from dataclasses import dataclass

#: finished follow-ups that each group needs, because a few large customers would dominate the mean of a small group
LEAST_GROUP = 30
CONFIDENCE = 0.95
_DRAWS = 2**32


def is_in_control_group(rule: int, customer: int, percent: float) -> bool:
    """Tell whether a customer belongs to the control group of a rule.

    The answer is always the same for one rule and customer. A larger percentage keeps the group and adds to it.

    :param rule, customer: ids
    :param percent: size of the control group, 0 to 100

    >>> sum(is_in_control_group(7, customer, 10) for customer in range(10_000))
    998
    >>> all(is_in_control_group(7, customer, 20)
    ...     for customer in range(10_000) if is_in_control_group(7, customer, 10))
    True
    """
    draw = int.from_bytes(hashlib.sha256(f"{rule}-{customer}".encode()).digest()[:4], "big")
    return draw < _DRAWS * percent / 100


@dataclass(frozen=True)
class Group:
    """Size, mean and sample variance of a group."""

    count: int
    mean: float
    variance: float


@dataclass(frozen=True)
class Uplift:
    """The difference of two means and its confidence interval; `is_enough` is False if a group is too small."""

    difference: float
    low: float
    high: float
    is_enough: bool


def uplift(treated: Group, control: Group) -> Uplift:
    """Return the effect of treatment per customer, with Welch's interval for the difference of two means.

    :param treated: the customers assigned to treatment, whether or not the activity was done
    :param control: the control group, which gets no activity

    References: Welch (1947), "The generalization of Student's problem", Biometrika 34, 28-35.

    >>> found = uplift(Group(40, 120.0, 900.0), Group(35, 100.0, 1600.0))
    >>> round(found.difference, 2), round(found.low, 2), round(found.high, 2), found.is_enough
    (20.0, 3.49, 36.51, True)
    >>> uplift(Group(40, 120.0, 900.0), Group(3, 100.0, 1600.0)).is_enough
    False
    """
    if min(treated.count, control.count) < LEAST_GROUP:
        return Uplift(0.0, 0.0, 0.0, False)
    difference = treated.mean - control.mean
    errors = [group.variance / group.count for group in (treated, control)]
    if sum(errors) == 0:
        return Uplift(difference, difference, difference, True)
    freedom = sum(errors) ** 2 / sum(
        error**2 / (group.count - 1) for error, group in zip(errors, (treated, control), strict=True)
    )
    from scipy.special import stdtrit  # takes a second to import, too long for the start of Odoo

    reach = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * math.sqrt(sum(errors))
    return Uplift(difference, difference - reach, difference + reach, True)

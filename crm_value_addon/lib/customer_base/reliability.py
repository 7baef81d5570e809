"""How far a fit can be trusted: reliable, indicative (it depends on the prior), or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import as_floats

if TYPE_CHECKING:
    from .purchases import PurchaseModel

# Measured on samples of 10 to 100 customers of 14 bases (docs/prediction.md). From the first number on, the model with
# its prior has a smaller error than the last 12 months; below it, the samples disagree. Below the second, too little
# came in earlier windows to weigh other methods by it. Below the third, and in the first half year, forecasts depend
# visibly on the prior.
LEAST_REPEATERS = 6
STACK_REPEATERS = 40
ENOUGH_REPEATERS = 100
ENOUGH_WEEKS = 26
# Below this, a year is forecast from days: whoever bought on both of two days would be expected to buy on most.
LEAST_WEEKS = 4
# Below this mean probability of leaving after a purchase, the fit found no churn.
LEAST_CHURN = 0.001

_DAYS_PER_WEEK = 7


@dataclass(frozen=True)
class Reliability:
    """Verdict on a fit.

    Attributes
    ----------
    level : str
        ``"reliable"``, ``"indicative"`` or ``"fallback"`` (use the customers' history instead).
    reason : str
        ``"enough_data"``, ``"few_repeaters"``, ``"short_history"``, ``"no_history"`` (all customers are
        new today), ``"not_converged"``.
    no_churn : bool
        Whether the fit found that customers do not leave, which is usually a sign of young data.
    """

    level: str
    reason: str
    no_churn: bool = False


def before_fit(repeaters: float, longest_days: float) -> Reliability:
    """Return how far a fit of such data could be trusted.

    Parameters
    ----------
    repeaters : float
        Customers with at least two purchases, >= 0.
    longest_days : float
        Age of the oldest customer in days, >= 0.

    Returns
    -------
    Reliability

    Raises
    ------
    InvalidInputError
        When a number is negative or not finite.

    Examples
    --------
    >>> before_fit(946, 272)
    Reliability(level='reliable', reason='enough_data', no_churn=False)
    >>> before_fit(60, 272).level, before_fit(946, 90).reason, before_fit(3, 900).level
    ('indicative', 'short_history', 'fallback')
    """
    repeaters = float(as_floats("repeaters", repeaters, minimum=0))
    longest_days = float(as_floats("longest_days", longest_days, minimum=0))
    if longest_days == 0:
        return Reliability("fallback", "no_history")
    if repeaters < LEAST_REPEATERS:
        return Reliability("fallback", "few_repeaters")
    if longest_days < LEAST_WEEKS * _DAYS_PER_WEEK:
        return Reliability("fallback", "short_history")
    if repeaters < ENOUGH_REPEATERS:
        return Reliability("indicative", "few_repeaters")
    if longest_days < ENOUGH_WEEKS * _DAYS_PER_WEEK:
        return Reliability("indicative", "short_history")
    return Reliability("reliable", "enough_data")


def after_fit(model: PurchaseModel, repeaters: float, longest_days: float) -> Reliability:
    """Return how far a fitted purchase model can be trusted.

    Parameters
    ----------
    model : ModifiedBetaGeo or BetaGeo
        Fitted.
    repeaters, longest_days
        As in `before_fit`.

    Returns
    -------
    Reliability

    Raises
    ------
    NotFittedError
        When the model has no parameters.

    Examples
    --------
    >>> from customer_base import ModifiedBetaGeo
    >>> after_fit(ModifiedBetaGeo.from_parameters(0.5, 40, 1e-4, 2), 946, 272).no_churn
    True
    """
    parameters = model.parameters_
    verdict = before_fit(repeaters, longest_days)
    no_churn = parameters["a"] / (parameters["a"] + parameters["b"]) < LEAST_CHURN
    if verdict.level != "fallback" and not model.converged_:
        return Reliability("fallback", "not_converged", no_churn)
    return Reliability(verdict.level, verdict.reason, no_churn)

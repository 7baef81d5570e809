"""How far a fit may be trusted: reliable, indicative (the prior speaks along), or not at all."""

from dataclasses import dataclass

from .errors import as_floats

# Measured by backtests on samples of real bases: below the first, forecasts are no better than history; up to
# the second, and in the first half year, they depend visibly on the prior.
LEAST_REPEATERS = 40
ENOUGH_REPEATERS = 100
ENOUGH_WEEKS = 26
# Mean probability to leave after a purchase below which "no churn" is the finding.
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
        ``"enough_data"``, ``"few_repeaters"``, ``"short_history"``, ``"no_history"`` (every customer is new
        today), ``"not_converged"``.
    no_churn : bool
        The fit found that customers do not leave: true of young data, seldom of customers.
    """

    level: str
    reason: str
    no_churn: bool = False


def before_fit(repeaters, longest_days):
    """Classify what the data can carry.

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
    >>> before_fit(60, 272).level, before_fit(946, 90).reason, before_fit(10, 900).level
    ('indicative', 'short_history', 'fallback')
    """
    repeaters = float(as_floats("repeaters", repeaters, minimum=0))
    longest_days = float(as_floats("longest_days", longest_days, minimum=0))
    if longest_days == 0:
        return Reliability("fallback", "no_history")
    if repeaters < LEAST_REPEATERS:
        return Reliability("fallback", "few_repeaters")
    if repeaters < ENOUGH_REPEATERS:
        return Reliability("indicative", "few_repeaters")
    if longest_days < ENOUGH_WEEKS * _DAYS_PER_WEEK:
        return Reliability("indicative", "short_history")
    return Reliability("reliable", "enough_data")


def after_fit(model, repeaters, longest_days):
    """Classify a fitted purchase model.

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

"""The figures of each customer that are shown: the purchase model's, with the weighted forecast in their place.

The purchase model knows how a value goes on over the years, and who is alive; the weights know better what the next 12
months bring. CLV is what the weights expect of these, times what the model makes of a year over the horizon.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ._arrays import ArrayLike, Floats, Ints
from .ensemble import Ensemble
from .errors import as_floats
from .recent import Recent
from .stack import MODEL, alone
from .value import Scores, score

# The model's own interval is stretched by no more than this, where it expects next to nothing.
_WIDEST = 10.0


def shown_scores(
    fit: Ensemble,
    x: Floats,
    t_x: Floats,
    T: Floats,
    mean: Floats,
    recent: Recent,
    log_gaps: Floats,
    *,
    months: int = 36,
    yearly_discount: float = 0.10,
    margin_ratio: ArrayLike = 1.0,
    segment: Ints | None = None,
) -> Scores:
    """Return the predictions of `value.score` for some customers, by all methods of a fit.

    Parameters
    ----------
    fit : Ensemble
        For a forecast of a year.
    x, t_x, T, mean : numpy.ndarray, shape (k,)
        As in `score`; `mean` is that of all x + 1 purchases.
    recent : Recent
    log_gaps : numpy.ndarray, shape (k,)
        As in `regular`.
    months, yearly_discount, margin_ratio
        As in `score`.
    segment : numpy.ndarray of int, shape (k,), optional
        The segment of each customer, by what `Ensemble.segments` tells apart.

    Returns
    -------
    Scores
        ``expected_purchases x expected_spend`` is the expected revenue of the next 12 months. The interval is that of
        earlier errors (`bands`), else the purchase model's, moved with the value.

    Raises
    ------
    InvalidInputError
        As in `score`.
    """
    found = score(
        fit.model, fit.spend, x, t_x, T, x + 1, mean,
        months=months, yearly_discount=yearly_discount, margin_ratio=margin_ratio,
    )  # fmt: skip
    if fit.stack == alone():
        return found
    ratio = as_floats("margin_ratio", margin_ratio)
    worth = found.expected_spend
    by_model = found.expected_purchases * worth
    forecasts = {MODEL: by_model} | recent.forecasts(fit.days, worth)
    if fit.regular is not None:
        forecasts["regular"] = fit.regular.expected_purchases(fit.days, x, t_x, T, log_gaps) * worth
    revenue = fit.stack.combine(forecasts)
    if fit.segments is not None and segment is not None:
        revenue = revenue * fit.segments.factor(segment)
    contribution = revenue * ratio
    if fit.bands is None:
        moved = np.divide(revenue, by_model, out=np.full(revenue.shape, _WIDEST), where=by_model > 0)
        moved = np.minimum(moved, _WIDEST)
        low, high = found.clv_low * moved, found.clv_high * moved
    else:
        bounds = [bound * ratio * found.horizon_factor for bound in fit.bands(revenue, fit.mean)]
        # a customer who costs more than they bring costs the most where they buy the most
        low, high = np.minimum(*bounds), np.maximum(*bounds)
    return replace(
        found,
        expected_purchases=revenue / worth,
        expected_12m=contribution,
        clv=contribution * found.horizon_factor,
        clv_low=low,
        clv_high=high,
    )

"""Customer-base analysis: purchases in, probabilities and values out (numpy and scipy only).

Names are loaded when they are first used (PEP 562), because `customer_base.fallback` must work, and start fast,
without scipy.

Examples
--------
>>> from customer_base import ModifiedBetaGeo
>>> model = ModifiedBetaGeo.from_parameters(0.525, 6.183, 0.891, 1.614)
>>> model.probability_alive([0, 2], [0, 30.4], [38.9, 38.9]).round(4).tolist()
[0.3896, 0.7053]
"""

from importlib import import_module
from typing import Any

_MODULES = (
    "ensemble",
    "errors",
    "fallback",
    "history",
    "holdout",
    "leaving",
    "metrics",
    "reliability",
    "rfm",
    "stack",
    "value",
)
_HOME = {
    "BetaGeo": "purchases",
    "ModifiedBetaGeo": "purchases",
    "GammaGamma": "spend",
    "Scores": "value",
    "period_values": "value",
    "score": "value",
    "CustomerBaseError": "errors",
    "EmptyDataError": "errors",
    "InvalidInputError": "errors",
    "NotFittedError": "errors",
    "Backtest": "holdout",
    "backtest": "holdout",
    "merge_days": "history",
    "summarise": "history",
    "Ensemble": "ensemble",
    "fit_ensemble": "ensemble",
    "Recent": "recent",
    "shown_scores": "shown",
    "Boundaries": "rfm",
    "rfm_boundaries": "rfm",
    "rfm_scores": "rfm",
}

__all__ = sorted([*_HOME, *_MODULES])


def __getattr__(name: str) -> Any:
    """Load the module `name`, or the one that holds it."""
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})

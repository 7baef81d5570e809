"""Customer-base analysis: purchases in, probabilities and values out (numpy and scipy only).

Names are loaded when first asked for (PEP 562): `customer_base.fallback` must work, and start fast, where
scipy has not been imported.

Examples
--------
>>> from customer_base import ModifiedBetaGeo
>>> model = ModifiedBetaGeo.from_parameters(0.525, 6.183, 0.891, 1.614)
>>> model.probability_alive([0, 2], [0, 30.4], [38.9, 38.9]).round(4).tolist()
[0.5728, 0.7545]
"""

from importlib import import_module

_HOME = {
    "BetaGeo": "purchases",
    "ModifiedBetaGeo": "purchases",
    "GammaGamma": "spend",
    "score": "value",
    "clv": "value",
    "Scores": "value",
    "rfm_boundaries": "rfm",
    "rfm_scores": "rfm",
    "holdout": "holdout",
    "summarise": "holdout",
    "reliability": "reliability",
    "carry_forward": "fallback",
    "monthly_discount": "fallback",
    "retention_clv": "fallback",
    "retention_expected": "fallback",
    "CustomerBaseError": "errors",
    "EmptyDataError": "errors",
    "InvalidInputError": "errors",
    "NotFittedError": "errors",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    """Load the module that holds `name`."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__():
    """List the public names, loaded or not."""
    return sorted([*globals(), *__all__])

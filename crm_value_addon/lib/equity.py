"""Customer equity: its concentration, and the reasons for its change. Pure numpy."""

from collections.abc import Sequence

import numpy as np

from .columns import Bools, Columns, Floats

#: the effects that make up a change; the last one takes the remainder of rounding
EFFECTS = ("new_customers", "churn", "purchases", "spend", "growth", "knowledge", "costs", "other")


def concentration(worth: Floats, shares: Sequence[float] = (0.01, 0.04, 0.20)) -> list[float]:
    """Return the part of the equity that the best customers hold, one figure for each share of the customers.

    Customers with a value of 0 or less count as customers, but not in the equity.

    :param worth: shape (n,), the value of each customer
    :param shares: shares of the customers, 0 to 1

    >>> concentration(np.array([90.0, 5.0, 5.0, 0.0, -7.0]), (0.2, 0.5, 1.0))
    [0.9, 1.0, 1.0]
    """
    best = np.sort(np.maximum(worth, 0.0))[::-1]
    total = best.sum()
    if not total:
        return [0.0 for _share in shares]
    running = np.cumsum(best)
    return [float(running[max(int(np.ceil(share * len(best))), 1) - 1] / total) for share in shares]


def split_transaction(before: Columns, after: Columns) -> Columns:
    """Split the change in the value of each customer's purchases into churn, purchases and spend.

    The value is the product of the probability of being alive, the purchases of a live customer, the mean spend and a
    rest (margin, horizon). The logarithmic mean splits the change of a product without a remainder (Ang 2004,
    "Decomposition analysis for policymaking in energy", Energy Policy 32, 1131-1139). Where a factor is 0 before or
    after, a value that vanished counts as churn, and any other change as purchases.

    :param before, after: columns of shape (n,): ``transaction_value``, ``probability_alive`` (0 without a model),
        ``expected_purchases``, ``expected_spend``
    :return: columns of shape (n,): ``churn``, ``purchases``, ``spend``, ``other``

    >>> one = {"transaction_value": np.array([100.0]), "probability_alive": np.array([0.8]),
    ...        "expected_purchases": np.array([4.0]), "expected_spend": np.array([50.0])}
    >>> two = {**one, "transaction_value": np.array([50.0]), "probability_alive": np.array([0.4]),
    ...        "expected_purchases": np.array([2.0])}
    >>> {name: round(float(values[0]), 6) + 0.0 for name, values in split_transaction(one, two).items()}
    {'churn': -50.0, 'purchases': 0.0, 'spend': 0.0, 'other': 0.0}
    """
    start, end = before["transaction_value"], after["transaction_value"]
    old, new = _factors(before), _factors(after)
    usable = np.all([(old[name] > 0) & (new[name] > 0) for name in old], axis=0) & (start > 0) & (end > 0)
    logs = {name: np.log(np.where(usable, new[name], 1.0) / np.where(usable, old[name], 1.0)) for name in old}
    ratio = np.log(np.where(usable, end, 1.0) / np.where(usable, start, 1.0))
    weight = np.where(np.abs(ratio) > 1e-12, (end - start) / np.where(np.abs(ratio) > 1e-12, ratio, 1.0), start)
    effects = {name: np.where(usable, weight * log, 0.0) for name, log in logs.items()}
    change = end - start
    vanished = ~usable & (end == 0) & (start > 0)
    effects["churn"] = np.where(vanished, change, effects["churn"])
    effects["purchases"] = np.where(~usable & ~vanished, change, effects["purchases"])
    effects["other"] = np.where(usable, change - sum(effects.values()), 0.0)
    return effects


def _factors(figures: Columns) -> Columns:
    alive = np.where(figures["probability_alive"] > 0, figures["probability_alive"], 1.0)
    return {"churn": alive, "purchases": figures["expected_purchases"] / alive, "spend": figures["expected_spend"]}


def explain_change(
    before: Columns, after: Columns, is_known: Bools, is_present: Bools, decimals: int
) -> dict[str, float]:
    """Return the effects that make up a change of the equity; they add up to it exactly.

    :param before, after: columns of shape (n,) as in `split_transaction`, and ``growth_value``, ``knowledge_value``,
        ``service_cost``; 0 where there was no such customer yet, or is none any more
    :param is_known, is_present: shape (n,), whether the customer existed before, and exists now
    :return: money by name of `EFFECTS`, rounded

    >>> nobody = {name: np.zeros(1) for name in ("transaction_value", "probability_alive", "expected_purchases",
    ...           "expected_spend", "growth_value", "knowledge_value", "service_cost")}
    >>> one = {**nobody, "transaction_value": np.array([70.0]), "service_cost": np.array([20.0])}
    >>> explain_change(nobody, one, np.array([False]), np.array([True]), 2)["new_customers"]
    50.0
    """
    stayed = is_known & is_present
    effects = {name: float(values[stayed].sum()) for name, values in split_transaction(before, after).items()}
    for name, component, sign in (
        ("growth", "growth_value", 1),
        ("knowledge", "knowledge_value", 1),
        ("costs", "service_cost", -1),
    ):
        effects[name] = sign * float((after[component] - before[component])[stayed].sum())
    effects["new_customers"] = float(_equity(after)[~is_known].sum())
    change = round(float((_equity(after) - _equity(before)).sum()), decimals)
    rounded = {name: round(effects[name], decimals) + 0.0 for name in EFFECTS[:-1]}
    rounded["other"] = round(change - sum(rounded.values()), decimals) + 0.0
    return rounded


def _equity(figures: Columns) -> Floats:
    return figures["transaction_value"] + figures["growth_value"] + figures["knowledge_value"] - figures["service_cost"]

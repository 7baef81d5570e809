"""Columns: how figures of many customers travel through the addon, without an object for each of them.

How to use: annotate them as `Columns`. The docstring of a function names the columns that it takes and returns.

How it works: columns are a dict of numpy arrays, one per figure, all of one length. Row i of every column belongs to
the same customer, document or day. Days are counted since 1970-01-01; a missing date is `NO_DATE`
(postgres/binary_copy.py). Money is float64 in the currency of the company; a selection is its position, from 1 on.
"""

from typing import Any, TypeAlias

import numpy as np

from .customer_base._arrays import AnyArray, ArrayLike, Bools, Floats, Ints

__all__ = ["AnyArray", "ArrayLike", "Bools", "Columns", "Floats", "Ints", "join", "sum_per_customer", "take"]

Columns: TypeAlias = dict[str, AnyArray]


def take(columns: Columns, chosen: Any) -> Columns:
    """Return the chosen rows; a slice is a view, a mask or a list of places a copy.

    >>> take({"clv": np.array([1.0, 2.0, 3.0])}, slice(1, 3))["clv"].tolist()
    [2.0, 3.0]
    """
    return {name: values[chosen] for name, values in columns.items()}


def join(pieces: list[Columns]) -> Columns:
    """Return the rows of several columns of the same names, one after the other.

    :param pieces: at least one; each with ``partner_id``

    >>> join([{"partner_id": np.array([7])}, {"partner_id": np.array([9])}])["partner_id"].tolist()
    [7, 9]
    """
    filled = [piece for piece in pieces if len(piece["partner_id"])] or pieces[:1]
    if len(filled) == 1:  # mostly: no copy
        return filled[0]
    return {name: np.concatenate([piece[name] for piece in filled]) for name in filled[0]}


def sum_per_customer(customers: Ints, partners: Ints, amounts: Floats) -> Floats:
    """Return the sum of amounts for each customer; amounts of others are left out.

    :param customers: int array of shape (n,), sorted
    :param partners: int array of shape (k,), whose amount it is
    :param amounts: float array of shape (k,)
    :return: float array of shape (n,)

    >>> sum_per_customer(np.array([7, 9]), np.array([9, 9, 8]), np.array([1.0, 2.0, 4.0])).tolist()
    [0.0, 3.0]
    """
    known = np.isin(partners, customers)
    return np.asarray(
        np.bincount(np.searchsorted(customers, partners[known]), weights=amounts[known], minlength=len(customers)),
        np.float64,
    )

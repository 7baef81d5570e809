"""Columns: how figures of many customers travel through the addon, without an object for each of them.

How to use: annotate them as `Columns`. The docstring of a function names the columns that it takes and returns.

How it works: columns are a dict of numpy arrays, one per figure, all of one length. Row i of every column belongs to
the same customer, document or day. Days are counted since 1970-01-01; a missing date is `NO_DATE`
(postgres/binary_copy.py). Money is float64 in the currency of the company.
"""
from typing import TypeAlias

from .customer_base._arrays import AnyArray, ArrayLike, Bools, Floats, Ints

__all__ = ["AnyArray", "ArrayLike", "Bools", "Columns", "Floats", "Ints"]

Columns: TypeAlias = dict[str, AnyArray]

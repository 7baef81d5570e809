"""Columns of a few rows as the texts of SQL arrays, for which no table has to be made.

How to use: give each text of `literals` to ``unnest``, cast to an array of its kind. Amounts of money are rounded as
`binary_copy.dump` rounds them, and missing values are the same sentinels.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from ..columns import AnyArray, Columns
from .binary_copy import NO_DATE, Kinds, largest_unit

_FIRST = date(1970, 1, 1)


def literals(arrays: Columns, columns: Kinds, decimals: int = 2) -> list[str]:
    """Return the text of the array of each column.

    :param columns: the columns wanted, in this order
    :param decimals: decimals of kind ``numeric``
    :raise OverflowError: an amount of money is not finite, or too large to be exact

    >>> literals({"id": np.array([1, 2]), "clv": np.array([0.125, -3.0])}, [("id", "int4"), ("clv", "numeric")])
    ['{1,2}', '{0.12,-3.00}']
    >>> literals({"day": np.array([NO_DATE, 19_000])}, [("day", "date")])
    ['{-infinity,2022-01-08}']
    """
    return ["{" + ",".join(_texts(np.asarray(arrays[name]), name, kind, decimals)) + "}" for name, kind in columns]


def _texts(values: AnyArray, name: str, kind: str, decimals: int) -> list[str]:
    if kind == "numeric":
        largest_unit(values, name, decimals)  # refuses what cannot be stored
        units = np.rint(values * 10.0**decimals).astype(np.int64)
        return [str(Decimal(unit).scaleb(-decimals)) for unit in units.tolist()]
    if kind == "date":
        return [_day(number) for number in values.tolist()]
    if kind == "float8":
        return [repr(number) for number in values.astype(np.float64).tolist()]
    return [str(item) for item in values.astype(np.bool_ if kind == "bool" else np.int64).tolist()]


def _day(number: Any) -> str:
    return "-infinity" if number == NO_DATE else (_FIRST + timedelta(days=number)).isoformat()

"""PostgreSQL's binary COPY format to and from numpy arrays.

How to use: describe the columns once, as a list of ``(name, kind)`` with a kind of `KINDS`. `copy_out` runs a SELECT
and returns its columns; `copy_in` appends columns to a table. `load` and `dump` do the same with bytes.

How it works: every kind has one width. Therefore every row has one width, too, and the whole answer is one structured
array, without a Python object for any row. NULL has no width and cannot be transferred: write a sentinel and ``NULLIF``
in SQL, read a ``COALESCE``. Format: PostgreSQL documentation, "COPY", section "Binary Format"; numeric as in
``numeric_recv``, which allows and strips leading zero digits.
"""

import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from ..columns import AnyArray, Columns, Floats, Ints
from .protocols import Cursor, Query

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
TRAILER = b"\xff\xff"
_PIECE = 1 << 20  # bytes decoded at a time
_PIECE_ROWS = 5_000  # rows encoded at a time
_NUMERIC_GROUPS = 6  # at most five groups of four digits before the point, and one after it
_MIX = 0x9E3779B97F4A7C15  # the golden ratio: odd, with evenly spread bits (Knuth, TAOCP 3, 6.4)
_EXACT = 2**53  # up to this number a float8 counts the units of the last decimal exactly

#: the columns of a query or a table in their order: (name, kind)
Kinds: TypeAlias = Sequence[tuple[str, str]]

#: kind → (dtype on the wire, dtype in memory)
KINDS: dict[str, tuple[Any, type[np.generic]]] = {
    "int2": (">i2", np.int16),
    "int4": (">i4", np.int32),
    "int8": (">i8", np.int64),
    "float8": (">f8", np.float64),
    "bool": ("u1", np.bool_),
    "date": (">i4", np.int32),  # days since 1970-01-01 in memory, since 2000-01-01 on the wire
    "numeric": ((">i2", 4 + _NUMERIC_GROUPS), np.float64),  # money, at most 4 decimals; for writing only
}
#: the date that stands for "no date"; `NULLIF(column, '-infinity')` in SQL
NO_DATE = np.int32(np.iinfo(np.int32).min)
_EPOCH = 10957  # 2000-01-01 in days since 1970-01-01


def day_number(day: date) -> int:
    """Return a date as columns hold it, in days since 1970-01-01.

    >>> day_number(date(2000, 1, 1))
    10957
    """
    return (day - date(1970, 1, 1)).days


def _row_dtype(columns: Kinds, groups: int = _NUMERIC_GROUPS) -> np.dtype[Any]:
    """Return the packed dtype of a row: a field count, then a length and a value for each column.

    :param groups: groups of four digits of each amount of money
    """
    fields: list[Any] = [("_count", ">i2")]
    for name, kind in columns:
        fields += [(f"_len_{name}", ">i4"), (name, *((">i2", 4 + groups) if kind == "numeric" else wire(kind)))]
    return np.dtype(fields)


def wire(kind: str) -> tuple[Any, ...]:
    """Return a tuple of the dtype of a kind on the wire and, if it has several items, their number."""
    dtype = KINDS[kind][0]
    return dtype if isinstance(dtype, tuple) else (dtype,)


class _Decoder(io.RawIOBase):
    """A file that turns the binary COPY written to it into columns, piece by piece, to save memory."""

    def __init__(self, columns: Kinds) -> None:
        self._columns = columns
        self._dtype = _row_dtype(columns)
        self._rest: bytes | None = None  # None until the signature has been read
        self._pieces: dict[str, list[AnyArray]] = {name: [] for name, _kind in columns}
        self._is_wrong = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # pylint: disable=method-required-super  # a file, not a model
        received = len(data)
        if self._rest is None:
            self._is_wrong = bytes(data[:11]) != SIGNATURE[:11]
            data, self._rest = data[len(SIGNATURE) :], b""
        if not self._is_wrong:  # `arrays` raises the error; here it would leave the connection in mid-answer
            data = self._rest + data
            rows = np.frombuffer(data, self._dtype, count=len(data) // self._dtype.itemsize)
            self._rest = data[rows.nbytes :]
            self._is_wrong = not all(
                (rows[f"_len_{name}"] == self._dtype[name].itemsize).all() for name, _kind in self._columns
            )
            for name, kind in self._columns:
                self._pieces[name].append(decode(rows[name], kind))
        return received

    def arrays(self) -> Columns:
        """Return the columns; to be called once, after the last `write`."""
        if self._is_wrong or self._rest != TRAILER:
            names = [name for name, _kind in self._columns]
            raise ValueError(f"the answer does not have the columns {names} with their kinds, or holds a NULL")
        # popped, so that no more than one column is in memory twice
        return {name: np.concatenate(self._pieces.pop(name)) for name, _kind in self._columns}


def load(data: bytes, columns: Kinds) -> Columns:
    """Return the columns of a binary COPY.

    :param data: the answer to ``COPY (…) TO STDOUT (FORMAT BINARY)``
    :param columns: in the query's order
    :raise ValueError: the data do not have these columns, or hold a NULL
    """
    decoder = _Decoder(columns)
    decoder.write(data)
    return decoder.arrays()


def decode(values: AnyArray, kind: str) -> AnyArray:
    """Return values from the wire in the dtype of their kind in memory."""
    memory = KINDS[kind][1]
    if kind != "date":
        return values.astype(memory)
    days = values.astype(np.int32)
    # PostgreSQL's "infinity" is the largest number: it stays that, instead of wrapping round to a day long ago
    latest = np.iinfo(np.int32).max - _EPOCH
    return np.where(days == NO_DATE, NO_DATE, np.minimum(days, latest) + np.int32(_EPOCH))


def dump(arrays: Columns, columns: Kinds, decimals: int = 2) -> bytes:
    """Return the bytes that ``COPY … FROM STDIN (FORMAT BINARY)`` takes.

    :param columns: in the table's order
    :param decimals: decimals of kind ``numeric``, 0 to 4
    :raise OverflowError: an amount of money is not finite, or too large to be exact; the message quotes the first one
    """
    return b"".join(_dump_pieces(arrays, columns, decimals))


def _dump_pieces(arrays: Columns, columns: Kinds, decimals: int) -> Iterator[bytes]:
    """Return an iterator over the bytes of `dump`, some rows at a time; refuse wrong amounts before the first piece."""
    arrays = {name: np.asarray(arrays[name]) for name, _kind in columns}
    largest = max(
        (largest_unit(arrays[name], name, decimals) for name, kind in columns if kind == "numeric"), default=0
    )
    count = len(arrays[columns[0][0]])
    rows = np.zeros(min(count, _PIECE_ROWS), _row_dtype(columns, _groups(largest)))
    rows["_count"] = len(columns)
    for name, _kind in columns:
        rows[f"_len_{name}"] = rows.dtype[name].itemsize
    pieces = (
        _dump_rows(rows, {name: arrays[name][start : start + _PIECE_ROWS] for name in arrays}, columns, decimals)
        for start in range(0, count, _PIECE_ROWS)
    )
    return chain([SIGNATURE], pieces, [TRAILER])


def _dump_rows(rows: AnyArray, arrays: Columns, columns: Kinds, decimals: int) -> bytes:
    """Return the bytes of some rows.

    :param rows: buffer of rows whose counts and lengths are filled in; the first ones are overwritten
    """
    rows = rows[: len(arrays[columns[0][0]])]
    money = [name for name, kind in columns if kind == "numeric"]
    if money:
        # encoded together, because for each of many columns the call of numpy would take longer than its work
        amounts = np.array([arrays[name] for name in money], np.float64)
        for name, encoded in zip(money, _encode_numeric(amounts, decimals, rows.dtype[money[0]]), strict=True):
            rows[name] = encoded
    for name, kind in columns:
        if kind != "numeric":
            rows[name] = _encode_date(arrays[name]) if kind == "date" else arrays[name]
    return rows.tobytes()


class _Pieces:
    """A file of pieces of any length; PostgreSQL stores one piece while the next one is made."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _size: int) -> bytes:  # pylint: disable=method-required-super  # a file, not a model
        return next(self._pieces, b"")


def _encode_date(values: AnyArray) -> Ints:
    values = values.astype(np.int32)
    return np.where(values == NO_DATE, NO_DATE, values - np.int32(_EPOCH))


def largest_unit(values: AnyArray, name: str, decimals: int) -> int:
    """Return the largest amount of a column in ten-thousandths."""
    wrong = ~(np.abs(values) < _EXACT / 10.0**decimals)
    if wrong.any():
        raise OverflowError(f"{name} cannot be stored: {values[wrong][0]!r}")
    return int(np.rint(np.abs(values).max(initial=0) * 10.0**decimals)) * 10 ** (4 - decimals)


def _encode_numeric(values: Floats, decimals: int, wired: np.dtype[Any]) -> Ints:
    """Return the wire format of amounts: ndigits, weight, sign, dscale and g groups of digits.

    :param values: shape (…)
    :param wired: dtype of one amount on the wire; the last of its groups is a fraction
    :return: shape (…, 4 + g)
    """
    scaled = np.rint(values * 10.0**decimals).astype(np.int64) * 10 ** (4 - decimals)
    rest = np.abs(scaled)
    out = np.empty(values.shape + wired.shape, np.int16)
    groups = wired.shape[0] - 4
    out[..., 0] = groups
    out[..., 1] = groups - 2
    out[..., 2] = np.where(scaled < 0, 0x4000, 0)
    out[..., 3] = decimals
    for column in range(3 + groups, 4, -1):
        higher = rest // 10000
        out[..., column] = rest - 10000 * higher
        rest = higher
    out[..., 4] = rest
    return out


def _groups(largest: int) -> int:
    """Return the number of groups of four digits for a number of ten-thousandths, at least two.

    >>> _groups(0), _groups(99_999_999), _groups(100_000_000)
    (2, 2, 3)
    """
    return max(-(-len(str(largest)) // 4), 2)


def digest(arrays: Columns, columns: Kinds, decimals: int = 2) -> Floats:
    """Return a hash for each row: two rows have the same hash if the database would store the same values.

    :param arrays: columns of finite values
    :param decimals: decimals of kind ``numeric``
    :return: shape (n,), integers from 1 to 2**53, which a float8 holds exactly

    >>> rows = {"id": np.array([1, 2, 1]), "clv": np.array([0.1 + 0.2, 0.3, 0.3])}
    >>> first, second, third = digest(rows, [("id", "int4"), ("clv", "numeric")])
    >>> bool(first == third), bool(first == second)
    (True, False)
    """
    seed = zlib.crc32(repr(columns).encode())  # a new column changes the hash of every row
    state = np.full(len(arrays[columns[0][0]]), seed, np.uint64)
    with np.errstate(over="ignore", invalid="ignore"):  # values that are not finite are refused on writing
        for name, kind in columns:
            values = np.asarray(arrays[name])
            if kind == "numeric":
                values = np.rint(values * 10.0**decimals)
            elif kind == "float8":
                values = (values.astype(np.float64) + 0.0).view(np.int64)  # -0 is 0
            state = (state ^ values.astype(np.int64).view(np.uint64)) * np.uint64(_MIX)
            state ^= state >> np.uint64(29)
    return (state >> np.uint64(11)).astype(np.float64) + 1.0


def copy_out(cr: Cursor, query: Query, columns: Kinds) -> Columns:
    """Run a SELECT and return its columns (see `load`).

    :param query: every column is NOT NULL and cast to its kind
    """
    decoder = _Decoder(columns)
    sink = io.BufferedWriter(decoder, _PIECE)  # because the driver writes row by row
    statement = cr.mogrify(query.code, query.params).decode()
    cr.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT BINARY)", sink)
    sink.flush()
    return decoder.arrays()


def id_array(ids: Ints | Iterable[int]) -> str:
    """Return ids as the text of an SQL array, for ``= ANY(%s::int[])``.

    A list would become an expression with a node for each id, which PostgreSQL parses more slowly than it runs it.

    >>> id_array(np.array([3, 5]))
    '{3,5}'
    """
    return "{" + ",".join(map(str, ids.tolist() if isinstance(ids, np.ndarray) else ids)) + "}"


def copy_in(cr: Cursor, table: str, arrays: Columns, columns: Kinds, decimals: int = 2) -> None:
    """Append rows to a table of this addon whose columns are exactly `columns` (see `dump`)."""
    pieces = _Pieces(_dump_pieces(arrays, columns, decimals))
    cr.copy_expert(f'COPY "{table}" FROM STDIN (FORMAT BINARY)', pieces)

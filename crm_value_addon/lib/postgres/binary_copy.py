"""PostgreSQL's binary COPY format to and from numpy arrays.

How to use: describe the columns once, as a list of ``(name, kind)`` with a kind of `KINDS`; `read` returns a
dict of arrays, `dump` turns a dict of arrays into the bytes that ``COPY … FROM STDIN (FORMAT BINARY)`` takes.

How it works: every kind has one width, so that a row has one width and the whole answer is one structured
array: no Python object is made for any row. That is why NULL cannot travel (it has no width): write a
sentinel and ``NULLIF`` in SQL, read a ``COALESCE``. Format: PostgreSQL documentation, "COPY", section
"Binary Format"; numeric as in ``numeric_recv`` (leading zero digits are allowed and stripped there).
"""
import io
import zlib
from datetime import date
from itertools import chain

import numpy as np

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
TRAILER = b"\xff\xff"
_PIECE = 1 << 20  # bytes decoded at a time
_PIECE_ROWS = 5_000  # encoded at a time
_NUMERIC_GROUPS = 6  # at most five groups of four digits before the point, one after it
_MIX = 0x9E3779B97F4A7C15  # odd, its bits spread evenly: the golden ratio (Knuth, TAOCP 3, 6.4)
_EXACT = 2**53  # the units of the last decimal that a float8 can count

#: kind → (dtype on the wire, dtype in memory)
KINDS = {
    "int2": (">i2", np.int16),
    "int4": (">i4", np.int32),
    "int8": (">i8", np.int64),
    "float8": (">f8", np.float64),
    "bool": ("u1", np.bool_),
    "date": (">i4", np.int32),  # days since 1970-01-01 in memory, since 2000-01-01 on the wire
    "numeric": ((">i2", 4 + _NUMERIC_GROUPS), np.float64),  # money, at most 4 decimals; written only
}
#: the date that stands for "none"; `NULLIF(column, '-infinity')` in SQL
NO_DATE = np.int32(np.iinfo(np.int32).min)
_EPOCH = 10957  # 2000-01-01 in days since 1970-01-01


def day_number(day):
    """Return a date as days since 1970-01-01, as arrays hold it.

    >>> day_number(date(2000, 1, 1))
    10957
    """
    return (day - date(1970, 1, 1)).days


def _row_dtype(columns, groups=_NUMERIC_GROUPS):
    """Return the packed dtype of a row: a field count, then a length and a value for each column.

    :param groups: the groups of four digits that each amount of money takes
    """
    fields = [("_count", ">i2")]
    for name, kind in columns:
        fields += [(f"_len_{name}", ">i4"), (name, *((">i2", 4 + groups) if kind == "numeric" else wire(kind)))]
    return np.dtype(fields)


def wire(kind):
    """Return the dtype of a kind on the wire, and the number of its items where it has several, as a tuple."""
    dtype = KINDS[kind][0]
    return dtype if isinstance(dtype, tuple) else (dtype,)


class _Decoder(io.RawIOBase):
    """A file that turns the binary COPY written to it into arrays, piece by piece: the bytes are never all there."""

    def __init__(self, columns):
        self._columns = columns
        self._dtype = _row_dtype(columns)
        self._rest = None  # None until the signature has been read
        self._pieces = {name: [] for name, _kind in columns}
        self._is_wrong = False

    def writable(self):
        return True

    def write(self, data):  # pylint: disable=method-required-super  # a file, not a model
        received = len(data)
        if self._rest is None:
            self._is_wrong = bytes(data[:11]) != SIGNATURE[:11]
            data, self._rest = data[len(SIGNATURE):], b""
        if not self._is_wrong:  # an error here would leave the connection amid the answer: told in `arrays`
            data = self._rest + data
            rows = np.frombuffer(data, self._dtype, count=len(data) // self._dtype.itemsize)
            self._rest = data[rows.nbytes:]
            self._is_wrong = not all(
                (rows[f"_len_{name}"] == self._dtype[name].itemsize).all() for name, _kind in self._columns)
            for name, kind in self._columns:
                self._pieces[name].append(decode(rows[name], kind))
        return received

    def arrays(self):
        """Return the columns; to be called once, when all has been written."""
        if self._is_wrong or self._rest != TRAILER:
            names = [name for name, _kind in self._columns]
            raise ValueError(f"the answer does not have the columns {names} with their kinds, or holds a NULL")
        # popped: never more than one column is there twice
        return {name: np.concatenate(self._pieces.pop(name)) for name, _kind in self._columns}


def load(data, columns):
    """Return the arrays of a binary COPY.

    :param bytes data: what ``COPY (…) TO STDOUT (FORMAT BINARY)`` sent
    :param columns: list of (name, kind), in the query's order
    :return: dict name → array of shape (n,)
    :raise ValueError: the data is not of these columns, or holds a NULL
    """
    decoder = _Decoder(columns)
    decoder.write(data)
    return decoder.arrays()


def decode(values, kind):
    """Return values from the wire as they are held in memory."""
    memory = KINDS[kind][1]
    if kind != "date":
        return values.astype(memory)
    days = values.astype(np.int32)
    return np.where(days == NO_DATE, NO_DATE, days + np.int32(_EPOCH))


def dump(arrays, columns, decimals=2):
    """Return the bytes of a binary COPY.

    :param dict arrays: name → array of shape (n,)
    :param columns: list of (name, kind), in the table's order
    :param int decimals: decimals of kind ``numeric``, 0 to 4
    :raise OverflowError: a money amount that is not finite, or too large to be exact (it quotes the first one)
    """
    return b"".join(_dump_pieces(arrays, columns, decimals))


def _dump_pieces(arrays, columns, decimals):
    """Return an iterator of the bytes of `dump`, some rows at a time; what cannot be dumped is refused at once."""
    arrays = {name: np.asarray(arrays[name]) for name, _kind in columns}
    largest = max((_largest(arrays[name], name, decimals) for name, kind in columns if kind == "numeric"), default=0)
    count = len(arrays[columns[0][0]])
    rows = np.zeros(min(count, _PIECE_ROWS), _row_dtype(columns, _groups(largest)))
    rows["_count"] = len(columns)
    for name, _kind in columns:
        rows[f"_len_{name}"] = rows.dtype[name].itemsize
    pieces = (_dump_rows(rows, {name: arrays[name][start:start + _PIECE_ROWS] for name in arrays}, columns, decimals)
              for start in range(0, count, _PIECE_ROWS))
    return chain([SIGNATURE], pieces, [TRAILER])


def _dump_rows(rows, arrays, columns, decimals):
    """Return the bytes of some rows, written into the first of `rows`, whose counts and lengths are there already."""
    rows = rows[:len(arrays[columns[0][0]])]
    money = [name for name, kind in columns if kind == "numeric"]
    if money:
        # together: a call of numpy for each of many columns takes longer than its work
        amounts = np.array([arrays[name] for name in money], np.float64)
        for name, encoded in zip(money, _encode_numeric(amounts, decimals, rows.dtype[money[0]]), strict=True):
            rows[name] = encoded
    for name, kind in columns:
        if kind != "numeric":
            rows[name] = _encode_date(arrays[name]) if kind == "date" else arrays[name]
    return rows.tobytes()


class _Pieces:
    """A file of pieces of any length: PostgreSQL stores one while the next is made."""

    def __init__(self, pieces):
        self._pieces = pieces

    def read(self, _size):  # pylint: disable=method-required-super  # a file, not a model
        return next(self._pieces, b"")


def _encode_date(values):
    values = values.astype(np.int32)
    return np.where(values == NO_DATE, NO_DATE, values - np.int32(_EPOCH))


def _largest(values, name, decimals):
    """Return the largest amount of a column as a number of ten-thousandths."""
    wrong = ~(np.abs(values) < _EXACT / 10.0**decimals)
    if wrong.any():
        raise OverflowError(f"{name} cannot be stored: {values[wrong][0]!r}")
    return int(np.rint(np.abs(values).max(initial=0) * 10.0**decimals)) * 10 ** (4 - decimals)


def _encode_numeric(values, decimals, wired):
    """Return amounts of shape (…) as they travel, (…, 4 + g): ndigits, weight, sign, dscale and g groups of digits.

    :param wired: dtype of one amount on the wire; the last of its groups is a fraction
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


def _groups(largest):
    """Return how many groups of four digits a number of ten-thousandths takes, two at least.

    >>> _groups(0), _groups(99_999_999), _groups(100_000_000)
    (2, 2, 3)
    """
    return max(-(-len(str(largest)) // 4), 2)


def digest(arrays, columns, decimals=2):
    """Return a number for each row that tells whether any column would be stored otherwise: exact in a float8.

    :param dict arrays: name → array of shape (n,), finite
    :param columns: list of (name, kind)
    :return: float array of shape (n,), integers from 1 to 2**53

    >>> rows = {"id": np.array([1, 2, 1]), "clv": np.array([0.1 + 0.2, 0.3, 0.3])}
    >>> first, second, third = digest(rows, [("id", "int4"), ("clv", "numeric")])
    >>> bool(first == third), bool(first == second)
    (True, False)
    """
    seed = zlib.crc32(repr(columns).encode())  # a new column makes all rows differ
    state = np.full(len(arrays[columns[0][0]]), seed, np.uint64)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused when it is written
        for name, kind in columns:
            values = np.asarray(arrays[name])
            if kind == "numeric":
                values = np.rint(values * 10.0**decimals)
            elif kind == "float8":
                values = (values.astype(np.float64) + 0.0).view(np.int64)  # -0 is 0
            state = (state ^ values.astype(np.int64).view(np.uint64)) * np.uint64(_MIX)
            state ^= state >> np.uint64(29)
    return (state >> np.uint64(11)).astype(np.float64) + 1.0


def copy_out(cr, query, columns):
    """Run a SELECT and return its columns as arrays (see `load`).

    :param query: ``odoo.tools.SQL``; every column NOT NULL and cast to its kind
    """
    decoder = _Decoder(columns)
    sink = io.BufferedWriter(decoder, _PIECE)  # the driver writes row by row
    statement = cr.mogrify(query.code, query.params).decode()
    cr.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT BINARY)", sink)
    sink.flush()
    return decoder.arrays()


def id_array(ids):
    """Return ids as the text of an SQL array: ``= ANY(%s::int[])``.

    A list would become an expression of as many nodes, which PostgreSQL takes longer to parse than to answer.

    >>> id_array(np.array([3, 5]))
    '{3,5}'
    """
    return "{" + ",".join(map(str, ids.tolist() if isinstance(ids, np.ndarray) else ids)) + "}"


def copy_in(cr, table, arrays, columns, decimals=2):
    """Append arrays to a table of ours whose columns are exactly `columns` (see `dump`)."""
    pieces = _Pieces(_dump_pieces(arrays, columns, decimals))
    cr.copy_expert(f'COPY "{table}" FROM STDIN (FORMAT BINARY)', pieces)

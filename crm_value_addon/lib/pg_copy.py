"""PostgreSQL's binary COPY format to and from numpy arrays.

How to use: describe the columns once, as a list of ``(name, kind)`` with a kind of `KINDS`; `read` returns a
dict of arrays, `dump` turns a dict of arrays into the bytes that ``COPY … FROM STDIN (FORMAT BINARY)`` takes.

How it works: every kind has one width, so that a row has one width and the whole answer is one structured
array: no Python object is made for any row. That is why NULL cannot travel (it has no width): write a
sentinel and ``NULLIF`` in SQL, read a ``COALESCE``. Format: PostgreSQL documentation, "COPY", section
"Binary Format"; numeric as in ``numeric_recv`` (leading zero digits are allowed and stripped there).
"""
import io
from datetime import date

import numpy as np

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_TRAILER = b"\xff\xff"
_PIECE = 1 << 20  # bytes decoded at a time
_NUMERIC_GROUPS = 6  # five groups of four digits before the point, one after it
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


def _row_dtype(columns):
    """Return the packed dtype of a row: a field count, then a length and a value for each column."""
    fields = [("_count", ">i2")]
    for name, kind in columns:
        fields += [(f"_len_{name}", ">i4"), (name, *_wire(kind))]
    return np.dtype(fields)


def _wire(kind):
    wire = KINDS[kind][0]
    return wire if isinstance(wire, tuple) else (wire,)


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
            self._is_wrong = bytes(data[:11]) != _SIGNATURE[:11]
            data, self._rest = data[len(_SIGNATURE):], b""
        if not self._is_wrong:  # an error here would leave the connection amid the answer: told in `arrays`
            data = self._rest + data
            rows = np.frombuffer(data, self._dtype, count=len(data) // self._dtype.itemsize)
            self._rest = data[rows.nbytes:]
            self._is_wrong = not all(
                (rows[f"_len_{name}"] == self._dtype[name].itemsize).all() for name, _kind in self._columns)
            for name, kind in self._columns:
                self._pieces[name].append(_decode(rows[name], kind))
        return received

    def arrays(self):
        """Return the columns; to be called once, when all has been written."""
        if self._is_wrong or self._rest != _TRAILER:
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


def _decode(values, kind):
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
    count = len(arrays[columns[0][0]])
    dtype = _row_dtype(columns)
    rows = np.empty(count, dtype)
    rows["_count"] = len(columns)
    for name, kind in columns:
        rows[f"_len_{name}"] = dtype[name].itemsize
        rows[name] = _encode(np.asarray(arrays[name]), name, kind, decimals)
    return _SIGNATURE + rows.tobytes() + _TRAILER


def _encode(values, name, kind, decimals):
    if kind == "date":
        values = values.astype(np.int32)
        return np.where(values == NO_DATE, NO_DATE, values - np.int32(_EPOCH))
    if kind == "numeric":
        return _encode_numeric(values.astype(np.float64), name, decimals)
    return values


def _encode_numeric(values, name, decimals):
    """Return int16 of shape (n, 10): ndigits, weight, sign, dscale and six base-10000 digits."""
    units = values * 10.0**decimals
    wrong = ~(np.abs(units) < _EXACT)
    if wrong.any():
        raise OverflowError(f"{name} cannot be stored: {values[wrong][0]!r}")
    scaled = np.rint(units).astype(np.int64) * 10 ** (4 - decimals)
    out = np.empty((len(values), 4 + _NUMERIC_GROUPS), np.int16)
    out[:, 0] = _NUMERIC_GROUPS
    out[:, 1] = _NUMERIC_GROUPS - 2
    out[:, 2] = np.where(scaled < 0, 0x4000, 0)
    out[:, 3] = decimals
    rest = np.abs(scaled)
    for column in range(3 + _NUMERIC_GROUPS, 3, -1):
        rest, out[:, column] = np.divmod(rest, 10000)
    return out


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


def copy_in(cr, table, arrays, columns, decimals=2):
    """Append arrays to a table of ours whose columns are exactly `columns` (see `dump`)."""
    cr.copy_expert(f'COPY "{table}" FROM STDIN (FORMAT BINARY)', io.BytesIO(dump(arrays, columns, decimals)))

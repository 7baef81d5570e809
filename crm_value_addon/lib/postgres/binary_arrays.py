"""Rows of SQL arrays to numpy arrays: a million figures in a few rows of binary COPY (see binary_copy.py)."""

import io
import struct
from typing import Any

import numpy as np

from ..columns import AnyArray, Columns
from .binary_copy import KINDS, SIGNATURE, TRAILER, Kinds, decode, wire
from .protocols import Cursor, Query


class _ArrayDecoder(io.RawIOBase):
    """A file that turns the binary COPY of rows of SQL arrays into one array per column."""

    def __init__(self, columns: Kinds) -> None:
        self._columns = columns
        self._rest: bytes | None = None  # None until the signature has been read
        self._pieces: dict[str, list[AnyArray]] = {name: [np.empty(0, KINDS[kind][1])] for name, kind in columns}
        self._wrong = ""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # pylint: disable=method-required-super  # a file, not a model
        received = len(data)
        if self._rest is None:
            data, self._rest = data[len(SIGNATURE) :], b""
        data = self._rest + bytes(data)
        start, end = 0, self._row_end(data, 0)
        while end:
            self._take_row(data, start)
            start, end = end, self._row_end(data, end)
        self._rest = data[start:]
        return received

    def _row_end(self, data: bytes, start: int) -> int:
        """Return the end of the row that begins at `start`, or 0 if the row is not complete yet."""
        end = start + 2
        for _column in self._columns if data[start:end] != TRAILER else ():
            if end + 4 > len(data):
                return 0
            end += 4 + max(struct.unpack_from(">i", data, end)[0], 0)
        return end if len(data) >= end > start + 2 else 0

    def _take_row(self, data: bytes, start: int) -> None:
        place = start + 2
        for name, kind in self._columns:
            [length] = struct.unpack_from(">i", data, place)
            if length > 0:
                self._take_array(name, kind, data[place + 4 : place + 4 + length])
            place += 4 + max(length, 0)

    def _take_array(self, name: str, kind: str, data: bytes) -> None:
        """Keep the elements of one array. PostgreSQL's ``array_send`` writes each element after its length."""
        dimensions, has_null, _type = struct.unpack_from(">iii", data)
        if not dimensions:
            return
        element = np.dtype([("length", ">i4"), ("value", *wire(kind))])
        if has_null or dimensions > 1 or (len(data) - 20) % element.itemsize:
            self._wrong = self._wrong or name
            return
        elements = np.frombuffer(data, element, offset=20)
        if (elements["length"] != element["value"].itemsize).any():
            self._wrong = self._wrong or name
        self._pieces[name].append(decode(elements["value"], kind))

    def arrays(self) -> Columns:
        if self._wrong:
            raise ValueError(f"the arrays of {self._wrong} are not of its kind, or hold a NULL")
        return {name: np.concatenate(self._pieces.pop(name)) for name, _kind in self._columns}


def copy_out_arrays(cr: Cursor, query: Query, columns: Kinds) -> Columns:
    """Run a SELECT of arrays (``array_agg``); return the elements of each column, over all rows, in one array.

    A million elements in a few rows take half the time of a million rows, because a row has a cost of its own.

    :param query: NULL stands for an empty array, but no element may be NULL
    :param columns: (name, kind of the elements); the arrays of a row can differ in length
    :raise ValueError: a column is not of its kind, or holds a NULL
    """
    decoder = _ArrayDecoder(columns)
    statement = cr.mogrify(query.code, query.params).decode()
    cr.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT BINARY)", decoder)
    return decoder.arrays()

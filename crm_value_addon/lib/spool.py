"""Columns that do not stay in memory: put aside on the disk, or packed to be kept in a row of the database."""

import json
import os
import tempfile
import zlib
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np

from .columns import AnyArray, Columns


class ColumnSpool:
    """Columns put aside on the disk, each set under a key, until they are asked for.

    How it works: all lie in one temporary file without a name, which is gone with the process, however that ends. Its
    directory is the one that Python's `tempfile` takes (``TMPDIR``).

    >>> spool = ColumnSpool()
    >>> spool.put("first", {"clv": np.array([1.5, 2.5]), "count": np.array([3, 4], np.int32)})
    >>> "first" in spool, spool.pop("first")["clv"].tolist(), "first" in spool
    (True, [1.5, 2.5], False)
    >>> spool.close()
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="crm_value_")
        #: key → (name, place in the file, dtype, number of values) of each column
        self._columns: dict[Hashable, list[tuple[str, int, np.dtype[Any], int]]] = {}

    def close(self) -> None:
        """Forget everything, and give the disk its room back."""
        self._file.close()

    def __contains__(self, key: Hashable) -> bool:
        """Tell whether there are columns under a key."""
        return key in self._columns

    def put(self, key: Hashable, columns: Columns) -> None:
        """Put columns aside.

        :raise OSError: the disk is full; then nothing is there under this key
        """
        self._columns.pop(key, None)
        placed, place = [], self._file.seek(0, os.SEEK_END)
        for name, values in columns.items():
            placed.append((name, place, values.dtype, len(values)))
            place += self._file.write(np.ascontiguousarray(values).view(np.uint8).data)
        self._file.flush()
        self._columns[key] = placed

    def pop(self, key: Hashable) -> Columns:
        """Return the columns that were put aside under a key, and forget them."""
        return {name: self._read(place, dtype, count) for name, place, dtype, count in self._columns.pop(key)}

    def _read(self, place: int, dtype: np.dtype[Any], count: int) -> AnyArray:
        values = np.empty(count, dtype)
        self._file.seek(place)
        self._file.readinto(values.view(np.uint8).data)
        return values


def pack(columns: Columns) -> bytes:
    """Return the values of each column, no matter in which order, in few bytes.

    :param columns: of any lengths; a row means nothing here

    >>> unpack([pack({"clv": np.array([2.5, 1.5])}), pack({"clv": np.array([3.5])})], "clv").tolist()
    [1.5, 2.5, 3.5]
    """
    header, pieces = {}, []
    for name, values in columns.items():
        # sorted values share their first bytes: laid side by side, these take next to nothing
        laid = np.sort(values).view(np.uint8).reshape(len(values), values.dtype.itemsize).T
        pieces.append(zlib.compress(np.ascontiguousarray(laid).data, 1))
        header[name] = [values.dtype.str, len(values), len(pieces[-1])]
    return b"\n".join([json.dumps(header).encode(), b"".join(pieces)])


def unpack(packed: Iterable[bytes], name: str) -> AnyArray:
    """Return all values of one column of some packed sets of columns.

    :param packed: results of `pack`, at least one
    """
    return np.concatenate([_unpack_one(each, name) for each in packed])


def _unpack_one(packed: bytes, name: str) -> AnyArray:
    line, _newline, pieces = packed.partition(b"\n")
    place = 0
    for each, (dtype, count, length) in json.loads(line).items():
        if each == name:
            laid = np.frombuffer(zlib.decompress(pieces[place : place + length]), np.uint8)
            kind = np.dtype(dtype)
            return np.ascontiguousarray(laid.reshape(kind.itemsize, count).T).view(kind).reshape(count)
        place += length
    raise KeyError(name)

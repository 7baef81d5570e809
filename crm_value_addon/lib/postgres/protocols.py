"""What these modules need of a database cursor and of a query, so that they import no Odoo."""

from collections.abc import Sequence
from typing import Any, Protocol


class Query(Protocol):
    """An ``odoo.tools.SQL``: code with placeholders, and their values."""

    @property
    def code(self) -> str:
        """Return the code."""

    @property
    def params(self) -> Sequence[Any]:
        """Return the values of the placeholders."""


class Cursor(Protocol):
    """An ``odoo.sql_db.Cursor``, which passes both methods on to psycopg2."""

    def mogrify(self, query: str, args: Sequence[Any], /) -> bytes:
        """Return the statement as the server receives it."""

    def copy_expert(self, sql: str, file: Any, /) -> None:
        """Run a COPY from or to a file."""

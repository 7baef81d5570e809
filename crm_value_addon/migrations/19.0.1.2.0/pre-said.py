"""What a refresh says is data now, for every reader in their own language; the texts of before are kept as they are.

``post-said.py`` finds again which sentences they were.
"""

from odoo.tools import SQL
from odoo.tools.sql import column_exists

#: table, column of the text, column of the data, whether it holds a list of lines
_STORED = [
    ("crm_value_run", "message", "notes", True),
    ("crm_value_run_skipped", "reason", "note", False),
    ("crm_value_followup_rule", "failures", "failure_notes", True),
    ("crm_value_followup_rule", "stop_reason", "stop_note", False),
]


def migrate(cr, version):
    """Move the texts into the new columns; run again, it finds nothing to do."""
    for table, old, new, is_list in _STORED:
        if not column_exists(cr, table, old):
            continue
        names = {"table": SQL.identifier(table), "old": SQL.identifier(old), "new": SQL.identifier(new)}
        value = SQL("to_jsonb(string_to_array(%s, E'\\n'))" if is_list else "to_jsonb(%s)", names["old"])
        cr.execute(SQL("ALTER TABLE %(table)s ADD COLUMN IF NOT EXISTS %(new)s jsonb", **names))
        cr.execute(SQL("UPDATE %(table)s SET %(new)s = %(value)s WHERE %(old)s IS NOT NULL", value=value, **names))
        cr.execute(SQL("ALTER TABLE %(table)s DROP COLUMN %(old)s", **names))

"""Reasons are data now that every reader gets in their own language; the texts of before stay as they were written."""

_RENAMED = {
    "crm_value_tier_change": ("reason", "words"),
    "crm_value_followup": ("close_reason", "close_term"),
}


def migrate(cr, version):
    """Rename the columns; run again, it finds nothing to do."""
    for table, (old, new) in _RENAMED.items():
        cr.execute(
            "SELECT array_agg(column_name::text) FROM information_schema.columns"
            " WHERE table_schema = current_schema AND table_name = %s AND column_name IN (%s, %s)",
            [table, old, new],
        )
        if cr.fetchone()[0] == [old]:
            cr.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{old}" TO "{new}"')

"""Reasons are data now that every reader gets in their own language; the texts of before stay as they were written."""

from odoo.tools.sql import column_exists

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
    if column_exists(cr, "crm_value_followup", "close_term"):
        cr.execute("ALTER TABLE crm_value_followup ADD COLUMN IF NOT EXISTS close_note jsonb")
        cr.execute(
            """UPDATE crm_value_followup
                  SET close_note = jsonb_build_object('module', 'crm_value_addon', 'term', close_term,
                                                      'values', '{}'::jsonb)
                WHERE close_note IS NULL AND close_term IS NOT NULL"""
        )

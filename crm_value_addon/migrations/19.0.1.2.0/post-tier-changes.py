"""Tell which tier changes were silent, and give every gift the key by which it is remembered."""

from odoo import SUPERUSER_ID, api

#: the sources from which nothing followed before the update
_SILENT = ("initial", "rules", "opt_out", "merge")


def migrate(cr, version):
    """Fill the new columns of the log and of the gifts; a second run changes nothing."""
    cr.execute(
        "UPDATE crm_value_tier_change SET is_silent = TRUE WHERE source IN %s AND is_silent IS NOT TRUE", [_SILENT]
    )
    env = api.Environment(cr, SUPERUSER_ID, {})
    env["crm.value.grant"].search([("memory_key", "=", False)], order="id")._remember()

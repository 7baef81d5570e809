"""Tell which views still inherit a view that became part of another; remove those that nothing inherits any more."""

import logging

from odoo import SUPERUSER_ID, api

MODULE = "crm_value_addon"

_logger = logging.getLogger(__name__)


def migrate(cr, version):
    """Look at the views that `pre-migration.py` emptied, after all other modules were updated."""
    env = api.Environment(cr, SUPERUSER_ID, {"active_test": False})
    kept = env["ir.model.data"].search([("module", "=", MODULE), ("model", "=", "ir.ui.view"), ("noupdate", "=", True)])
    for view in env["ir.ui.view"].browse(kept.mapped("res_id")):
        if view.arch_db.strip() != "<data/>":
            continue
        for child in view.inherit_children_ids:
            _logger.warning(
                "View %r (%s) inherits %s, which is empty now: let it inherit %s, which has the content.",
                child.name,
                child.xml_id or child.id,
                view.xml_id,
                view.inherit_id.xml_id,
            )
        if not view.inherit_children_ids:
            view.unlink()

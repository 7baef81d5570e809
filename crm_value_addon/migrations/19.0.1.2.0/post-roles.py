"""Let the next refresh bring frozen margins up to date, and tiers follow without a word.

A row that an earlier version froze has no role, which is what the refresh looks for. Nothing large happens here.
"""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Find old replacements, ask for the refresh, drop the column that `role` stands for; safe to run again."""
    cr.execute("ALTER TABLE crm_value_document DROP COLUMN IF EXISTS is_down_payment")
    env = api.Environment(cr, SUPERUSER_ID, {})
    env["crm.value.document.role"]._link_copies()
    cr.execute(
        """SELECT DISTINCT move.company_id FROM crm_value_document document
             JOIN account_move move ON move.id = document.move_id WHERE document.role IS NULL"""
    )
    for company in env["res.company"].browse([company_id for [company_id] in cr.fetchall()]):
        env["crm.value.run"]._request(company, new_rules=True)

"""Scorecards of the month ends that exist, with the salespeople of now; run again, they are there."""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    for company in env["res.company"].search([]):
        env["crm.value.scorecard"]._take_missing(company)

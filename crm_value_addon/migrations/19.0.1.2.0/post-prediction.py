"""Ask for a new fit and a refresh of all customers: weights, and who leaves, begin with them."""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Let the fit run as soon as the update is done; run again, it asks again, which does no harm."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    cr.execute("SELECT DISTINCT company_id FROM crm_value")
    companies = env["res.company"].browse([company_id for [company_id] in cr.fetchall()])
    if companies:
        env.ref("crm_value_addon.ir_cron_fit")._trigger()
    for company in companies:
        env["crm.value.run"]._request(company)

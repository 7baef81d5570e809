"""Run in an Odoo shell: does the installed addon compute a customer? Nothing of it stays."""

# ruff: noqa: F821
from datetime import timedelta

company = env.company
if not company.chart_template:
    env["account.chart.template"].try_loading("generic_coa", company, install_demo=False)
company.value_basis = "revenue"
customer = env["res.partner"].create({"name": "Smoke"})
today = company._value_today()
for days in (10, 100):
    env["account.move"].create(
        {
            "move_type": "out_invoice",
            "partner_id": customer.id,
            "invoice_date": today - timedelta(days=days),
            "invoice_line_ids": [(0, 0, {"name": "Smoke", "price_unit": 600, "tax_ids": [(5,)]})],
        }
    ).action_post()
run = env["crm.value.refresh"].with_company(company)._refresh_company()
value = env["crm.value"].search([("partner_id", "=", customer.id)])
if run.state != "done" or run.skipped or (value.purchase_count, value.revenue_total) != (2, 1200):
    raise SystemExit(f"the refresh is {run.state} ({run.message}), the value {value.read()}")
print(f"smoke: a customer is worth {value.clv:,.2f}")
env.cr.rollback()

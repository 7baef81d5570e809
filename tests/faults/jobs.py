"""What worker.py can do in a database, by name: first argument an environment of the superuser."""

from odoo import Command, fields
from odoo.service.model import retrying


def _run_cron(env, name):
    env.ref(f"crm_value_addon.{name}").method_direct_trigger()


def refresh(env):
    """Refresh every customer of every company, and those in the queue."""
    _run_cron(env, "ir_cron_refresh_all")
    _run_cron(env, "ir_cron_refresh_stale")


def ranges(env):
    """Refresh the same customers as a large company's: in ranges."""
    # not above: Odoo knows its addons only after its start
    from odoo.addons.crm_value_addon.models.refresh import crm_value_refresh_range

    crm_value_refresh_range.AT_ONCE, crm_value_refresh_range.RANGE_CUSTOMERS = 0, 100
    refresh(env)


def queue(env):
    """Refresh the customers in the queue, and decide the tiers where somebody waits for it."""
    _run_cron(env, "ir_cron_refresh_stale")


def followup(env):
    """Close, schedule and measure follow-ups."""
    _run_cron(env, "ir_cron_followup")


def settle(env):
    """Do whatever is left to do, and refresh everybody once more."""
    for company in env["res.company"].search([]):
        env["crm.value.run"]._request(company)
    env.cr.commit()
    refresh(env)
    followup(env)


def open_rules(env):
    """Switch on all follow-up rules, without a limit a day."""
    env["crm.value.followup.rule"].with_context(active_test=False).search([]).active = True
    env["res.company"].search([]).value_followup_cap = 0


def trade(env):
    """Post invoices and a credit note, take others back: customers come into the queue."""
    env = env(context={"tracking_disable": True})
    company = env["res.company"].search([], limit=1, order="id")
    partners = (
        env["crm.value"]
        .search([("company_id", "=", company.id), ("purchase_count", ">", 0)], order="partner_id desc", limit=90)
        .partner_id
    )
    posted = env["account.move"].search(
        [
            ("partner_id", "in", partners[60:].ids),
            ("move_type", "=", "out_invoice"),
            ("state", "=", "posted"),
            ("payment_state", "=", "not_paid"),
            ("line_ids.matched_credit_ids", "=", False),
        ],
        limit=10,
    )
    posted.button_draft()
    moves = env["account.move"].create(
        [
            {
                "move_type": "out_refund" if number % 20 == 19 else "out_invoice",
                "partner_id": partner.id,
                "invoice_date": fields.Date.today(),
                "invoice_line_ids": [
                    Command.create({"name": "Bought", "price_unit": 50 + 40 * number, "tax_ids": [Command.clear()]})
                ],
            }
            for number, partner in enumerate(partners[:60])
        ]
    )
    moves.action_post()


def change_rules(env):
    """Make every tier cheaper, as a manager would: all tiers are to be decided anew."""
    for line in env["crm.value.tier.criterion"].search([("tier_id.active", "=", True)]):
        line.write({"enter_min": line.enter_min * 0.6, "keep_min": line.keep_min * 0.5})


def change_contacts(env, kind, partner_ids):
    """Do to contacts what users do to them, tried again as their requests are when another session was in the way."""
    retrying(lambda: _change_contacts(env, kind, partner_ids), env)


def _change_contacts(env, kind, partner_ids):
    partners = env["res.partner"].browse(partner_ids)
    if kind == "archive":
        partners.active = False
    elif kind == "merge":
        env["base.partner.merge.automatic.wizard"].create({})._merge(partners.ids, partners[0])
    elif kind == "move":
        partners[1:].parent_id = partners[0]
    elif kind == "company":
        partners.company_id = env["res.company"].create({"name": "Elsewhere"})
    elif kind == "delete":
        # who has documents cannot be deleted; who has opportunities or orders only can
        env["account.move"].search([("commercial_partner_id", "in", partners.ids)]).button_draft()
        env["account.move"].search([("commercial_partner_id", "in", partners.ids)]).with_context(
            force_delete=True
        ).unlink()
        env["sale.order"].search([("partner_id", "child_of", partners.ids)]).with_context(
            disable_cancel_warning=True
        )._action_cancel()
        env["sale.order"].search([("partner_id", "child_of", partners.ids)]).unlink()
        partners.unlink()

from datetime import date

from odoo import SUPERUSER_ID, Command
from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.tests import tagged

#: today in the tests; a frozen clock makes windows and tenures exact
TODAY = date(2025, 6, 30)


def view_text(model, view_type="form", view=None):
    """Return the text of a view as the model's user gets it; other people's addons turn it into bytes."""
    arch = model.get_view(view.id if view else None, view_type)["arch"]
    return arch.decode() if isinstance(arch, bytes) else arch


def strangers(env, *models):
    """Return the addons beside Odoo's own and ours that extend one of these models: they may ask the database, too."""
    extending = {
        cls.__module__.split(".")[2]
        for model in models
        for cls in env.registry[model].__mro__
        if "addons" in cls.__module__
    }
    modules = (
        env["ir.module.module"].sudo().search([("name", "in", list(extending)), ("author", "not ilike", "Odoo S.A.")])
    )
    return {name for name in modules.mapped("name") if not name.startswith("crm_value_addon")}


@tagged("post_install", "-at_install")
class ValueCase(AccountTestInvoicingCommon):
    """A company with a chart of accounts, a product that costs 60 and sells at 100, and factories."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]
        cls.company.value_margin_rate = 0.4
        # The accounting user of Odoo's test case sells nothing; rights have tests of their own.
        cls.env = cls.env(
            user=SUPERUSER_ID, context=dict(cls.env.context, allowed_company_ids=cls.company.ids, tracking_disable=True)
        )
        cls.company = cls.company.with_env(cls.env)
        cls.Value, cls.Refresh, cls.Assignment = (
            cls.env[name].with_company(cls.company)
            for name in ("crm.value", "crm.value.refresh", "crm.value.tier.assignment")
        )
        cls.product = cls.env["product.product"].create(
            {
                "name": "Widget",
                "list_price": 100.0,
                "standard_price": 60.0,
                "invoice_policy": "order",
                "taxes_id": [Command.clear()],
            }
        )
        cls.product_category = cls.product_category.with_env(cls.env)
        cls.env["crm.value.queue"].search([]).unlink()

    @classmethod
    def customer(cls, name="Customer", **vals):
        return cls.env["res.partner"].create({"name": name, **vals})

    @classmethod
    def invoice(
        cls,
        partner,
        day,
        amount=100.0,
        *,
        move_type="out_invoice",
        post=True,
        product=None,
        quantity=1,
        **vals,
    ):
        """Return a document of one line; without a product its margin comes from the margin rate."""
        move = cls.env["account.move"].create(
            {
                "move_type": move_type,
                "partner_id": partner.id if partner else False,
                "invoice_date": day,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "name": "Line",
                            "product_id": product.id if product else False,
                            "quantity": quantity,
                            "price_unit": amount,
                            "tax_ids": [Command.clear()],
                        }
                    )
                ],
                **vals,
            }
        )
        if post:
            move.action_post()
        return move

    @classmethod
    def credit_note(cls, invoice, day, amount=None):
        """Reverse an invoice, wholly or by an amount, and post the credit note."""
        wizard = (
            cls.env["account.move.reversal"]
            .with_context(
                active_model="account.move",
                active_ids=invoice.ids,
            )
            .create({"date": day, "journal_id": invoice.journal_id.id})
        )
        note = cls.env["account.move"].browse(wizard.refund_moves()["res_id"])
        if amount is not None:
            note.invoice_line_ids.price_unit = amount
        note.action_post()
        return note

    @classmethod
    def refresh(cls, partners=None):
        """Drain the queue and refresh, as the crons do but in this transaction."""
        if partners is None:
            return cls.Refresh._refresh_company()
        return cls.Refresh._refresh_customers(cls.company, partners.commercial_partner_id.ids)

    @classmethod
    def value(cls, partner):
        return cls.Value.search(
            [("partner_id", "=", partner.commercial_partner_id.id), ("company_id", "=", cls.company.id)]
        )

    @classmethod
    def stored(cls, domain=()):
        """Return every stored column of the values, as a comparable list."""
        names = ["partner_id", "as_of_date", *cls.Value._refreshed_fields()]
        values = cls.Value.search([("company_id", "=", cls.company.id), *domain], order="partner_id")
        return [[row[name] for name in names] for row in values.read(names, load=None)]

    @classmethod
    def queries_to_read(cls, records, names):
        """Return how many queries it takes to read these fields with nothing in the cache."""
        cls.env.invalidate_all()
        start = cls.env.cr.sql_log_count
        records.read(names)
        return cls.env.cr.sql_log_count - start

    @classmethod
    def row_versions(cls):
        """Return where each value's row lies; it moves whenever it is written."""
        cls.env.flush_all()
        cls.env.cr.execute("SELECT id, ctid::text FROM crm_value ORDER BY id")
        return cls.env.cr.fetchall()

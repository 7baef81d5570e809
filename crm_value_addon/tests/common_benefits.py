import contextlib

from odoo import Command
from odoo.exceptions import UserError

from .tiers.test_crm_value_tier_assignment import TierCase


class BenefitCase(TierCase):
    """Pricelists in use, a public one of list prices, and a Top tier of 5000 from which benefits come."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["loyalty.program"].search([]).active = False
        cls.env.user.group_ids += cls.env.ref("product.group_product_pricelist")
        cls.env.ref("base.group_user").implied_ids += cls.env.ref("product.group_product_pricelist")
        cls.env.registry.clear_cache("groups")
        cls.env["product.pricelist"].search([]).active = False
        cls.public = cls.env["product.pricelist"].create(
            {"name": "Public", "sequence": 1, "company_id": cls.company.id}
        )
        cls.vip = cls.make_pricelist("VIP", 10)

    @classmethod
    def make_pricelist(cls, name, percent, **vals):
        return cls.env["product.pricelist"].create(
            {
                "name": name,
                "sequence": 50,
                "company_id": cls.company.id,
                "item_ids": [
                    Command.create({"compute_price": "percentage", "percent_price": percent, "applied_on": "3_global"})
                ],
                **vals,
            }
        )

    @classmethod
    def benefit(cls, benefit_type, tier=None, **vals):
        return cls.env["crm.value.benefit"].create(
            {"tier_id": (tier or cls.top).id, "benefit_type": benefit_type, **vals}
        )

    @classmethod
    def program(cls, program_type="promotion", **vals):
        Program = cls.env["loyalty.program"].with_company(cls.company)
        return Program.create(
            {
                **Program._program_type_default_values()[program_type],
                "name": f"{program_type} for VIPs",
                "program_type": program_type,
                "company_id": cls.company.id,
                "currency_id": cls.company.currency_id.id,
                **vals,
            }
        )

    @classmethod
    def order(cls, partner, quantity=1, **vals):
        return cls.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "company_id": cls.company.id,
                "order_line": [Command.create({"product_id": cls.product.id, "product_uom_qty": quantity})],
                **vals,
            }
        )

    def refused(self, text):
        """Expect a refusal with this text, and roll back what was tried."""

        @contextlib.contextmanager
        def expect():
            with self.assertRaises(UserError) as caught, self.env.cr.savepoint():
                yield
            self.env.invalidate_all()
            self.assertIn(text, str(caught.exception))

        return expect()

    def lose_tier(self, customer):
        """Credit the customer's last invoice."""
        self.credit_note(self.last_invoice, "2025-06-10")
        self.refresh(customer)
        self.assertFalse(self.value(customer).tier_id)

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import ValidationError

from ..common import TODAY
from ..common_sales import SalesCase


@freeze_time(TODAY)
class TestSimulatedCounting(SalesCase):
    """A simulation of what counts shows who would move by it, and writes nothing; applied, they do move so."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postage = cls.env["product.product"].create(
            {"name": "Postage", "type": "service", "list_price": 10.0, "taxes_id": [Command.clear()]}
        )
        cls.opening = cls.company_data["default_journal_sale"].copy(
            {"code": "OPN", "default_account_id": cls.company_data["default_account_revenue"].id}
        )
        cls.env["crm.value.tier"].search([]).active = False
        cls.tier = cls.env["crm.value.tier"].create(
            {
                "name": "Hundred",
                "company_id": cls.company.id,
                "criterion_ids": [Command.create({"metric": "qualifying_12m", "enter_min": 100, "keep_min": 100})],
            }
        )
        cls.tier.action_activate()
        cls.open, cls.paid, cls.old, cls.post = (cls.customer(name) for name in ("Open", "Paid", "Old", "Post"))
        cls.invoice(cls.open, "2025-05-01", 100)
        cls.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=cls.invoice(cls.paid, "2025-05-01", 100).ids
        ).create({})._create_payments()
        cls.invoice(cls.old, "2025-05-01", 100, journal_id=cls.opening.id)
        cls.document_of(
            cls.post,
            "2025-05-01",
            {"product_id": cls.product.id, "price_unit": 95, "quantity": 1},
            {"product_id": cls.postage.id, "price_unit": 10, "quantity": 1},
        )
        cls.refresh()

    def simulate(self, **vals):
        simulation = self.env["crm.value.tier.simulation"].with_company(self.company).create({})
        simulation.write(vals)
        before = self.stored()
        simulation._preview_all()
        self.assertEqual(self.stored(), before, "nothing is written")
        return simulation

    def stored(self):
        self.env.flush_all()
        found = []
        for table in ("crm_value_document", "crm_value", "crm_value_tier_change", "crm_value_document_origin"):
            self.env.cr.execute(f"SELECT to_jsonb(stored) FROM {table} stored ORDER BY id")
            found.append(self.env.cr.fetchall())
        return found

    def tiers(self):
        self.env.invalidate_all()
        return {
            partner.name: self.value(partner).tier_id.name for partner in (self.open, self.paid, self.old, self.post)
        }

    def falls(self, simulation):
        moves = self.env["crm.value.tier.simulation.move"].search(
            [("simulation_id", "=", simulation.id), ("direction", "=", "down")]
        )
        return set(moves.value_id.partner_id.mapped("name"))

    def assert_comes_true(self, simulation, names):
        self.assertEqual(self.falls(simulation), names)
        self.assertTrue(simulation.is_previewed)
        simulation.action_apply()
        self.refresh()
        self.assertEqual({name for name, tier in self.tiers().items() if not tier}, names)

    def test_as_it_is_nobody_moves(self):
        simulation = self.simulate()
        self.assertEqual(simulation.move_count, 0)
        self.assertFalse(self.env["crm.value.tier.simulation.figure"].search([("simulation_id", "=", simulation.id)]))
        self.assertEqual(set(self.tiers().values()), {"Hundred"})

    def test_what_is_paid(self):
        self.assert_comes_true(self.simulate(tiers_count="paid"), {"Open", "Old", "Post"})

    def test_a_journal_left_out(self):
        self.assert_comes_true(self.simulate(journal_ids=[Command.link(self.opening.id)]), {"Old"})
        self.assertEqual(self.opening.value_counting, "receivables")
        back = self.simulate(journal_ids=[Command.clear()])
        self.assertEqual((back.up_count, self.falls(back)), (1, set()))

    def test_products_and_categories(self):
        template = self.postage.product_tmpl_id
        self.assert_comes_true(self.simulate(not_for_tiers_product_ids=[Command.link(template.id)]), {"Post"})
        self.assertTrue(template.value_not_for_tiers)
        back = self.simulate(not_for_tiers_product_ids=[Command.clear()])
        self.assertEqual(back.up_count, 1)
        template.value_not_for_tiers = False
        category = self.env["product.category"].create({"name": "Fees"})
        self.postage.categ_id = category
        self.refresh()
        self.assert_comes_true(
            self.simulate(no_purchase_category_ids=[Command.link(category.id)]),
            {"Post"},
        )
        self.assertTrue(category.value_no_purchase)

    def test_another_setting_is_another_preview(self):
        simulation = self.simulate(tiers_count="paid")
        simulation.tiers_count = "invoiced"
        self.assertFalse(simulation.is_previewed)
        simulation._preview_all()
        self.assertEqual(simulation.move_count, 0)

    def test_planned_for_a_day(self):
        simulation = self.simulate(tiers_count="paid", from_date="2025-08-01")
        simulation.action_plan()
        plan = self.env["crm.value.tier.plan"].search([("company_id", "=", self.company.id)])
        self.assertEqual(plan.tiers_count, "paid")
        self.assertEqual(plan._simulation().tiers_count, "paid")
        other = self.simulate(journal_ids=[Command.link(self.opening.id)], from_date="2025-09-01")
        with self.assertRaisesRegex(ValidationError, "cannot be planned"):
            other.action_plan()

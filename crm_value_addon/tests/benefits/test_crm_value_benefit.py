from dataclasses import replace
from datetime import date
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user

from ...models.benefits.benefit_types import BENEFIT_TYPES, OCCASIONS
from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestCrmValueBenefit(BenefitCase):
    def test_form_asks_for_what_the_type_needs(self):
        with (
            self.assertRaisesRegex(AssertionError, "payment_term_id.*required"),
            Form(self.env["crm.value.benefit"].with_context(default_tier_id=self.top.id)) as form,
        ):
            form.benefit_type = "payment_term"
        with self.refused("Pricelist"):
            self.benefit("pricelist")
        with self.refused("more than 1"):
            self.benefit("points_multiplier", points_factor=1)

    def test_other_types_are_forgotten(self):
        benefit = self.benefit("pricelist", pricelist_id=self.vip.id, note="Hello")
        self.assertFalse(benefit.note)
        benefit.write({"benefit_type": "note", "note": "Call first"})
        self.assertFalse(benefit.pricelist_id)
        self.assertEqual(benefit.display_name, "Call first")

    def test_two_that_conflict(self):
        self.benefit("pricelist", pricelist_id=self.vip.id, date_to="2025-12-31")
        other = self.make_pricelist("Better", 20)
        with self.refused("already has “Pricelist VIP”"):
            self.benefit("pricelist", pricelist_id=other.id, date_from="2025-12-31")
        self.benefit("pricelist", pricelist_id=other.id, date_from="2026-01-01")
        self.benefit("pricelist", tier=self.mid, pricelist_id=self.vip.id)
        self.benefit("note", note="One")
        self.benefit("note", note="Two")
        with self.refused("Two"):
            self.benefit("note", note="Two")

    def test_program_is_gift_or_gate(self):
        coupons = self.program("coupons")
        gift = self.benefit("gift", program_id=coupons.id)
        with self.refused("used both"):
            self.benefit("program", tier=self.mid, program_id=coupons.id)
        with self.refused("cannot be given"):
            gift.program_id = self.program("loyalty")

    def test_company_of_the_target(self):
        other = self.setup_other_company(name="Other")["company"]
        foreign = self.make_pricelist("Foreign", 10, company_id=other.id)
        with self.refused("another company"):
            self.benefit("pricelist", pricelist_id=foreign.id)
        shared = self.env["crm.value.tier"].create({"name": "Shared", "company_id": False, "sequence": 500})
        self.env["product.pricelist"].create({"name": "Public 2", "sequence": 1, "company_id": other.id})
        self.assertEqual(self.benefit("pricelist", tier=shared, pricelist_id=foreign.id).company_id, other)
        self.assertEqual(self.benefit("pricelist", tier=shared, pricelist_id=self.vip.id).company_id, self.company)

    def test_pricelist_of_everybody_is_refused(self):
        self.public.active = False
        with self.refused("Odoo would give it to every customer"):
            self.benefit("pricelist", pricelist_id=self.vip.id)
        self.public.active = True
        self.benefit("pricelist", pricelist_id=self.vip.id)
        with self.refused("every customer"):
            self.public.active = False
        with self.refused("every customer"):
            self.vip.sequence = 0
        with self.refused("country"):
            self.vip.country_group_ids = self.env["res.country.group"].create({"name": "Here"})
        with self.refused("every customer"):
            self.public.unlink()

    def test_nobody_else_gets_the_pricelist(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        self.env.cr.execute("UPDATE product_pricelist SET active = FALSE WHERE id = %s", [self.public.id])
        self.env.invalidate_all()
        stranger = self.customer("Stranger")
        self.assertNotEqual(stranger.property_product_pricelist, self.vip)

    def test_copy_from_tier(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        self.benefit("note", note="Two")
        self.benefit("pricelist", tier=self.mid, pricelist_id=self.make_pricelist("Mid", 5).id)
        wizard = self.env["crm.value.benefit.copy"].create({"tier_id": self.mid.id, "from_tier_id": self.top.id})
        self.assertEqual(wizard.benefit_ids.mapped("benefit_type"), ["note"])
        wizard.action_copy()
        self.assertEqual(self.mid.benefit_ids.mapped("benefit_type"), ["pricelist", "note"])
        with self.assertRaises(UserError):
            wizard.benefit_ids = False
            wizard.action_copy()

    def test_program_without_tier_is_closed_not_opened(self):
        program = self.program()
        self.benefit("program", program_id=program.id)
        second = self.benefit("program", tier=self.mid, program_id=program.id)
        self.top.benefit_ids.unlink()
        self.assertTrue(program.active)
        second.unlink()
        self.assertFalse(program.active)

    def test_rights(self):
        benefit = self.benefit("note", note="Two")
        seller = new_test_user(
            self.env,
            "seller",
            groups="sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        self.assertEqual(benefit.with_user(seller).note, "Two")
        with self.assertRaises(AccessError):
            benefit.with_user(seller).note = "Mine"
        portal = new_test_user(self.env, "portal", groups="base.group_portal")
        with self.assertRaises(AccessError):
            benefit.with_user(portal).read(["note"])
        other = self.setup_other_company(name="Other")["company"]
        foreign = new_test_user(
            self.env,
            "foreign",
            groups="sales_team.group_sale_manager",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        self.assertFalse(
            self.env["crm.value.benefit"]
            .with_user(foreign)
            .with_context(allowed_company_ids=other.ids)
            .search([("id", "=", benefit.id)])
        )

    def test_validity(self):
        benefit = self.benefit("note", note="Two", date_from="2025-07-01", date_to="2025-07-31")
        days = [date(2025, 6, 30), date(2025, 7, 1), date(2025, 7, 31), date(2025, 8, 1)]
        Benefit = self.env["crm.value.benefit"]
        self.assertEqual([len(Benefit._active_benefits(self.top, self.company, day)) for day in days], [0, 1, 1, 0])
        benefit.active = False
        self.assertFalse(Benefit._active_benefits(self.top, self.company, days[1]))

    def test_the_table_and_the_fields_agree(self):
        Benefit, Order, Partner = self.env["crm.value.benefit"], self.env["sale.order"], self.env["res.partner"]
        for row in BENEFIT_TYPES.values():
            with self.subTest(row.code):
                self.assertIn(row.target or "id", Benefit._fields)
                self.assertIn(row.order_field or "id", Order._fields)
                self.assertIn(row.contact_field or "id", Partner._fields)
                self.assertIn(row.excluded_by or row.code, BENEFIT_TYPES)
                is_default_known = hasattr(self.env["crm.value.order.tier"], f"_default_{row.code}")
                self.assertEqual(bool(row.order_field), is_default_known)
        for row in OCCASIONS.values():
            self.assertIn(row.mail_setting or "id", self.company._fields)

    def test_every_type_in_words(self):
        term = self.env.ref("account.account_payment_term_30days")
        coupons, promotion = self.program("coupons"), self.program()
        manager = self.env.ref("base.user_admin")
        manager.company_ids += self.company
        given = {
            "pricelist": ({"pricelist_id": self.vip.id}, "Pricelist VIP", "Special prices"),
            "payment_term": ({"payment_term_id": term.id}, f"Payment terms {term.name}", f"Payment terms: {term.name}"),
            "program": ({"program_id": promotion.id}, promotion.name, promotion.name),
            "points_multiplier": ({"points_factor": 1.5}, "Loyalty points × 1.5", "Loyalty points × 1.5"),
            "gift": (
                {"program_id": coupons.id, "occasion": "birthday"},
                f"{coupons.name} for birthday",
                "A gift on your birthday",
            ),
            "manager": (
                {"user_id": manager.id},
                f"Account manager {manager.name}",
                f"Your own contact: {manager.name}",
            ),
            "priority": ({}, "Urgent delivery", "Your orders are delivered first"),
            "note": ({"note": "Call first"}, "Call first", False),
        }
        self.assertEqual(given.keys(), BENEFIT_TYPES.keys())
        for benefit_type, (vals, for_sellers, for_customers) in given.items():
            with self.subTest(benefit_type):
                benefit = self.benefit(benefit_type, **vals)
                self.assertEqual(benefit.display_name, for_sellers)
                Text = self.env["crm.value.benefit.text"]
                self.assertEqual(Text._prepare_portal_text(benefit, self.company), for_customers)
                benefit.customer_text = "Our thanks"
                self.assertEqual(Text._prepare_portal_text(benefit, self.company), for_customers and "Our thanks")
        texts = self.env["crm.value.benefit.text"]._prepare_portal_benefits(self.top, self.company)
        self.assertEqual(texts, ["Our thanks"] * 7)

    def test_another_module_adds_a_type(self):
        """A value of the selection and a row of the table are enough for what an order only shows."""
        row = replace(BENEFIT_TYPES["note"], seller_text="Wrapped: %(name)s", is_for_customers=True, is_single=True)
        Benefit = type(self.env["crm.value.benefit"])
        with patch.object(Benefit, "_types", lambda model: {**BENEFIT_TYPES, "note": row}):
            self.benefit("note", note="Blue paper")
            order = self.order(self.bought(5000))
            self.assertIn("Wrapped: Blue paper", order.value_summary)
            self.assertEqual(
                self.env["crm.value.benefit.text"]._prepare_portal_benefits(self.top, self.company), ["Blue paper"]
            )
            with self.refused("already has “Wrapped: Blue paper”"):
                self.benefit("note", note="Red paper")

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestCrmValueBenefitComparison(BenefitCase):
    """A new tier above the highest one takes away what it does not give: the form and the simulation say so."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.term = cls.env.ref("account.account_payment_term_30days")
        cls.benefit("pricelist", pricelist_id=cls.vip.id)
        cls.benefit("payment_term", payment_term_id=cls.term.id)
        cls.benefit("points_multiplier", points_factor=3)

    def missing(self, tier):
        tier.invalidate_recordset(["missing_benefits"])
        return tier.missing_benefits

    def test_new_tier_above(self):
        best = self.tier("Best", 20000, 20000)
        words = f"Top: Pricelist VIP, Payment terms {self.term.name}, Loyalty points × 3"
        self.assertEqual(self.missing(best), words)
        self.assertFalse(self.missing(self.top), "the tiers below give nothing")
        points = self.benefit("points_multiplier", best, points_factor=2)
        self.assertEqual(self.missing(best), words, "twice is less than three times")
        points.points_factor = 4
        self.assertEqual(self.missing(best), words.removesuffix(", Loyalty points × 3"))
        best.action_take_over_benefits()
        self.assertFalse(self.missing(best))
        self.assertEqual(best.benefit_ids.mapped("benefit_type"), ["points_multiplier", "pricelist", "payment_term"])
        self.assertEqual((best.benefit_ids.pricelist_id, best.benefit_ids.payment_term_id), (self.vip, self.term))

    def test_take_over_where_there_is_less(self):
        best = self.tier("Best", 20000, 20000)
        points = self.benefit("points_multiplier", best, points_factor=2)
        best.action_take_over_benefits()
        self.assertFalse(self.missing(best))
        self.assertEqual(points.points_factor, 3)

    def test_before_the_tier_is_saved(self):
        with Form(self.env["crm.value.tier"].with_company(self.company)) as form:
            form.name = "Best"
            self.assertIn("Pricelist VIP", form.missing_benefits)

    def test_what_counts_as_the_same(self):
        best = self.tier("Best", 20000, 20000)
        self.benefit("pricelist", best, pricelist_id=self.make_pricelist("Best", 20).id)
        self.benefit("payment_term", best, payment_term_id=self.term.id, date_to="2025-05-31")
        self.benefit("points_multiplier", best, points_factor=3, active=False)
        self.assertEqual(self.missing(best), f"Top: Payment terms {self.term.name}, Loyalty points × 3")
        coupons = self.program("coupons")
        self.benefit("gift", program_id=coupons.id, occasion="reach")
        self.assertNotIn("coupons", self.missing(best), "given already")
        self.benefit("gift", program_id=coupons.id, occasion="birthday")
        self.assertIn("birthday", self.missing(best))
        terms = self.top.benefit_ids.filtered("payment_term_id")
        terms.date_to = "2025-06-29"
        self.assertNotIn("Payment terms", self.missing(best))
        terms.date_to = False
        best.action_take_over_benefits()
        self.assertFalse(self.missing(best), "from today on")

    def test_other_sets_and_unused_tiers(self):
        self.assertFalse(self.missing(self.tier("Pyramid", 20000, 20000, scheme="pyramid", active=False)))
        self.top.active = False
        self.assertFalse(self.missing(self.tier("Best", 20000, 20000)), "nobody is Top")

    def test_simulation(self):
        customers = [self.bought(amount, name=str(amount)) for amount in (6000, 7000, 1200)]
        best = self.tier("Best", 20000, 20000)
        self.env["crm.value.tier.assignment"].with_company(self.company)._assign_company(source="rules")
        simulation = self.env["crm.value.tier.simulation"].with_company(self.company).create({})
        lacking = {line.display_name: line.missing_benefits for line in simulation.line_ids if line.is_used}
        words = f"Pricelist VIP, Payment terms {self.term.name}, Loyalty points × 3"
        self.assertEqual(lacking, {"Best": words, "Top": False, "Mid": False, "Low": False})
        simulation.criterion_ids.filtered(lambda criterion: criterion.tier_id == best).write(
            {"enter_min": 6500, "keep_min": 6500}
        )
        simulation.action_preview()
        self.assertEqual(simulation.lost_benefits, f"Top → Best (1 customers): {words}")
        best.action_take_over_benefits()
        simulation.action_preview()
        self.assertFalse(simulation.lost_benefits)
        simulation.line_ids.invalidate_recordset()
        self.assertFalse(any(simulation.line_ids.mapped("missing_benefits")))
        self.assertEqual(self.value(customers[1]).tier_id, self.top, "nothing is saved")

    def test_only_managers_take_over(self):
        best = self.tier("Best", 20000, 20000)
        seller = new_test_user(
            self.env,
            "seller",
            groups="sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        self.assertIn("Pricelist VIP", best.with_user(seller).missing_benefits)
        with self.assertRaises(AccessError):
            best.with_user(seller).action_take_over_benefits()

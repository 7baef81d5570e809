import random

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, new_test_user

from ...wizards import crm_value_tier_simulation_preview
from ..common import TODAY
from .test_crm_value_tier_assignment import TierCase


@freeze_time(TODAY)
class TestCrmValueTierSimulation(TierCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Simulation = cls.env["crm.value.tier.simulation"].with_company(cls.company)
        dice = random.Random(5)
        cls.customers = cls.env["res.partner"]
        for number in range(20):
            cls.customers += cls.customer(f"Customer {number}")
            if not number:
                cls.env["sale.order"].create({"partner_id": cls.customers.id})  # known, but bought nothing
            else:
                cls.invoice(cls.customers[-1], "2025-03-01", dice.randint(5, 9000))
        cls.refresh()

    def simulate(self, **thresholds):
        """Return a simulation with other thresholds: name of the tier = (enter, keep)."""
        simulation = self.Simulation.create({})
        for line in simulation.criterion_ids:
            if line.tier_id.name in thresholds:
                line.enter_min, line.keep_min = thresholds[line.tier_id.name]
        return simulation

    def tiers(self):
        values = self.Value.search([("company_id", "=", self.company.id)])
        return {value.partner_id: value.tier_id for value in values}

    def test_preview_writes_nothing(self):
        before, rules = self.row_versions(), self.env["crm.value.tier.criterion"].search_read([], order="id")
        simulation = self.simulate(Mid=(2000, 1500), Top=(3000, 3000))
        simulation.action_preview()
        self.assertEqual(before, self.row_versions())
        self.assertEqual(rules, self.env["crm.value.tier.criterion"].search_read([], order="id"))
        self.assertTrue(simulation.is_previewed and simulation.move_count)
        simulation.criterion_ids[0].enter_min += 1
        self.assertFalse(simulation.is_previewed, "the figures shown belong to other thresholds")

    def test_apply_equals_the_preview(self):
        self.mid.write({"downgrade_policy": "grace"})
        simulation = self.simulate(Low=(50, 20), Mid=(2000, 1500), Top=(3500, 3000))
        simulation.action_preview()
        changing = self.env["crm.value.tier.simulation.move"].search([("simulation_id", "=", simulation.id)])
        expected = {line.tier_id.id: (line.customers_then, line.leaving) for line in simulation.line_ids}
        then = self.tiers() | {change.value_id.partner_id: change.to_tier_id for change in changing}
        self.assertEqual(sum(customers for customers, _leaving in expected.values()), 20)
        self.assertTrue(changing.filtered(lambda change: change.direction == "up"))
        changed_values = changing.value_id
        simulation.action_apply()
        self.assertEqual(self.tiers(), then)
        values = self.Value.search([("company_id", "=", self.company.id)])
        for tier_id, (customers, leaving) in expected.items():
            held = values.filtered(lambda value, tier_id=tier_id: value.tier_id.id == tier_id)
            self.assertEqual((len(held), len(held.filtered("tier_review_date"))), (customers, leaving))
        changes = self.env["crm.value.tier.change"].search([("source", "=", "rules")])
        self.assertEqual(changes.value_id, changed_values)
        self.assertFalse(values.message_ids)

    def test_sums(self):
        simulation = self.simulate()
        simulation.action_preview()
        self.assertFalse(simulation.move_count)
        for line in simulation.line_ids:
            values = self.Value.search([("company_id", "=", self.company.id), ("tier_id", "=", line.tier_id.id)])
            self.assertEqual(line.customers_now, line.customers_then)
            self.assertEqual(line.customers_now, len(values))
            self.assertAlmostEqual(line.revenue_then, sum(values.mapped("revenue_12m")), 2)
            self.assertAlmostEqual(line.margin_now, sum(values.mapped("margin_12m")), 2)

    def test_cancel_leaves_no_trace(self):
        simulation = self.simulate(Mid=(2000, 1500))
        simulation.action_preview()
        simulation.action_cancel()
        for name in ("", ".line", ".criterion", ".move"):
            self.assertFalse(self.env[f"crm.value.tier.simulation{name}"].search([]))

    def test_contradiction_is_refused_by_name(self):
        simulation = self.simulate(Top=(500, 400))
        with self.assertRaisesRegex(ValidationError, "Top.*500.*Mid"):
            simulation.action_preview()
        with self.assertRaises(ValidationError):
            simulation.action_apply()

    def test_thresholds_may_cross_the_old_ones(self):
        simulation = self.simulate(Low=(6000, 6000), Mid=(7000, 7000), Top=(8000, 8000))
        simulation.action_apply()
        self.assertEqual((self.low | self.mid | self.top).criterion_ids.mapped("enter_min"), [6000, 7000, 8000])

    def test_proposal_meets_the_wished_pyramid(self):
        for tier in self.low | self.mid | self.top:
            tier.downgrade_policy = "immediate"
        simulation = self.Simulation.create({})
        wished = {self.top: 10.0, self.mid: 20.0, self.low: 70.0}
        for line in simulation.line_ids.filtered("tier_id"):
            line.wished_share = wished.get(line.tier_id, 0)
        simulation.action_propose()
        simulation.action_preview()
        then = {line.tier_id: line.customers_then for line in simulation.line_ids if line.is_used or not line.tier_id}
        self.assertEqual(then, {self.top: 2, self.mid: 4, self.low: 13, self.env["crm.value.tier"]: 1})

    def test_switch_to_the_pyramid_and_back(self):
        self.env["crm.value.tier"].with_context(active_test=False).search(
            [("scheme", "=", "pyramid")]
        ).company_id = self.company
        simulation = self.Simulation.create({"scheme": "pyramid"})
        simulation.action_preview()
        self.assertEqual(simulation.move_count, 20 - 1)
        changing = self.Value.search_count([("tier_id", "in", (self.low | self.mid | self.top).ids)])
        self.assertEqual(simulation.switch_count, changing)
        self.assertEqual(sum(simulation.line_ids.mapped("customers_now")), 20)
        simulation.action_apply()
        names = [tier.name for tier in self.tiers().values() if tier]
        self.assertEqual({name: names.count(name) for name in names}, {"Top": 1, "Medium": 3, "Small": 15})
        self.assertFalse(self.mid.active)
        back = self.Simulation.create({"scheme": "standard"})
        back.line_ids.filtered(lambda line: line.tier_id not in (self.low | self.mid | self.top)).is_used = False
        back.action_apply()
        self.assertTrue(self.mid.active)
        self.assertFalse(self.env["crm.value.tier"].search([("scheme", "=", "pyramid")]))

    def test_steps(self):
        simulation = self.simulate(Mid=(2000, 1500))
        simulation.action_preview()
        whole = simulation.line_ids.mapped(lambda line: (line.customers_then, line.revenue_then))
        self.patch(crm_value_tier_simulation_preview, "_STEP", 7)
        processed = [simulation.preview_step(True)["processed"], simulation.preview_step()["processed"]]
        self.assertEqual(processed, [7, 14])
        self.assertFalse(simulation.is_previewed)
        simulation.preview_step()
        self.assertTrue(simulation.is_previewed)
        self.assertEqual(whole, simulation.line_ids.mapped(lambda line: (line.customers_then, line.revenue_then)))

    def test_form(self):
        form = Form(self.Simulation)
        with form.criterion_ids.new() as line:
            line.tier_id, line.metric, line.enter_min = self.top, "purchase_count", 1
        simulation = form.save()
        self.assertIn(
            ("purchase_count", 1.0, 1.0),
            simulation.criterion_ids.mapped(lambda line: (line.metric, line.enter_min, line.keep_min)),
        )
        self.assertEqual(simulation.line_ids.tier_id & (self.low | self.mid | self.top), self.low | self.mid | self.top)
        self.assertTrue(simulation.criterion_ids)

    def test_tier_can_be_left_out(self):
        simulation = self.simulate()
        simulation.line_ids.filtered(lambda line: line.tier_id == self.mid).is_used = False
        simulation.action_apply()
        self.assertFalse(self.mid.active)
        self.assertFalse(self.Value.search([("tier_id", "=", self.mid.id)]))

    def test_rights(self):
        seller = new_test_user(
            self.env,
            "sim_seller",
            groups="sales_team.group_sale_salesman_all_leads",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        manager = new_test_user(
            self.env,
            "sim_manager",
            groups="sales_team.group_sale_manager",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        with self.assertRaises(AccessError):
            self.Simulation.with_user(seller).create({})
        simulation = self.Simulation.with_user(manager).with_context(allowed_company_ids=self.company.ids).create({})
        simulation.action_preview()
        simulation.action_apply()
        with self.assertRaises(AccessError):
            self.Simulation.with_user(manager).with_context(allowed_company_ids=self.company.ids).create(
                {"company_id": self.env["res.company"].create({"name": "Foreign"}).id}
            )

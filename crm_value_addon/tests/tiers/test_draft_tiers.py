from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user
from odoo.tools.safe_eval import safe_eval

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestDraftTiers(BenefitCase):
    """A tier made on the screen counts for nobody until it is activated, and can be simulated before."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rich = cls.customer("Rich")
        cls.invoice(cls.rich, "2025-06-01", 9000)
        cls.near = cls.customer("Near")
        cls.invoice(cls.near, "2025-06-01", 7300)
        cls.far = cls.customer("Far")
        cls.invoice(cls.far, "2025-06-01", 7100)
        cls.refresh()

    @classmethod
    def screen(cls, action="crm_value_tier_action", model="crm.value.tier"):
        """Return a model as the screen of an action calls it."""
        context = safe_eval(cls.env.ref(f"crm_value_addon.{action}").context)
        return cls.env[model].with_context(**{key: value for key, value in context.items() if "default" not in key})

    def diamond(self):
        """Return a tier from 8000 on that was saved in the form."""
        with Form(self.screen()) as form:
            form.name = "Diamond"
            form.company_id = self.company
            with form.criterion_ids.new() as line:
                line.metric = "revenue_12m"
                line.enter_min = 8000
        return form.record

    def tiers(self):
        return [self.value(customer).tier_id.name for customer in (self.rich, self.near, self.far)]

    def test_start_above_the_highest_tier(self):
        self.benefit("note", note="Call first")
        self.benefit("points_multiplier", points_factor=2)
        with Form(self.screen()) as form:
            form.name = "Diamond"
            form.company_id = self.company
        diamond = form.record
        self.assertNotIn(diamond.color, (0, *(self.env["crm.value.tier"].search([]) - diamond).mapped("color")))
        diamond.action_start_above()
        [asked], [highest] = diamond.criterion_ids, self.top.criterion_ids
        self.assertEqual((asked.metric, asked.enter_min), (highest.metric, 2 * highest.enter_min))
        self.assertEqual(
            sorted(diamond.benefit_ids.mapped("benefit_type")), sorted(self.top.benefit_ids.mapped("benefit_type"))
        )
        self.assertFalse(diamond.missing_benefits)
        self.assertFalse(diamond.active)
        with self.assertRaises(UserError):
            diamond.action_start_above()
        with self.assertRaises(UserError):
            self.top.action_start_above()
        seller = new_test_user(self.env, "start_seller", "sales_team.group_sale_salesman")
        with self.assertRaises(AccessError):
            diamond.with_user(seller).action_start_above()

    def test_another_line_asks_for_something_else(self):
        with Form(self.screen()) as form:
            form.name = "Diamond"
            form.company_id = self.company
            with form.criterion_ids.new() as line:
                self.assertEqual(line.metric, "revenue_12m")
                line.enter_min = 8000
            with form.criterion_ids.new() as line:
                self.assertEqual(line.metric, "purchase_count")
                line.enter_min = 12
        self.assertEqual(len(form.record.criterion_ids), 2)

    def test_who_would_qualify_while_typing(self):
        with Form(self.screen()) as form:
            form.name = "Diamond"
            form.company_id = self.company
            self.assertFalse(form.qualifying_summary, "by hand only")
            with form.criterion_ids.new() as line:
                line.metric = "revenue_12m"
                line.enter_min = 8000
            self.assertEqual(form.qualifying_summary, "1 of 3 customers would qualify")
            with form.criterion_ids.edit(0) as line:
                line.enter_min = 7200
            self.assertEqual(form.qualifying_summary, "2 of 3 customers would qualify")
            self.near.value_opt_out = True
            form.partner_domain = repr([("id", "!=", self.far.id)])
            self.assertEqual(form.qualifying_summary, "1 of 3 customers would qualify")
            form.partner_domain = "[("
            self.assertFalse(form.qualifying_summary)
            form.partner_domain = "[]"

    def test_a_count_is_no_way_to_a_hidden_figure(self):
        tier = self.diamond()
        tier.criterion_ids.metric = "clv"
        groups = "sales_team.group_sale_salesman", "sales_team.group_sale_manager"
        seller, manager = (
            new_test_user(
                self.env, group, groups=group, company_id=self.company.id, company_ids=[Command.set(self.company.ids)]
            )
            for group in groups
        )
        self.assertFalse(tier.with_user(seller).qualifying_summary)
        self.assertTrue(tier.with_user(manager).with_company(self.company).qualifying_summary)

    def test_code_makes_tiers_that_count(self):
        tier = self.tier("Diamond", 8000, 8000)
        self.assertEqual((tier.state, tier.active), ("active", True))
        self.Assignment._assign_company()
        self.assertEqual(self.tiers(), ["Diamond", "Top", "Top"])

    def test_a_draft_counts_for_nobody(self):
        diamond = self.diamond()
        self.assertEqual((diamond.state, diamond.active, diamond.criterion_ids.enter_min), ("draft", False, 8000))
        self.Assignment._assign_company()
        self.refresh()
        self.assertEqual(self.tiers(), ["Top", "Top", "Top"])
        self.assertFalse(self.value(self.near).next_tier_id)
        steps = self.env["crm.value.tier.explanation"]._explain_tiers(self.value(self.near))
        self.assertEqual([step["kind"] for step in steps[self.value(self.near).id]["steps"]], ["keep"])
        self.company.value_portal = True
        page = self.env["crm.value.portal"]._prepare_portal_page(self.near, self.company)
        self.assertIn("Top", str(page))
        self.assertNotIn("Diamond", str(page))
        preview = self.env["crm.value.tier.preview"]._after_order(
            self.company, self.near.id, {"amount": 5000, "margin": 2000, "purchase": 5000}
        )
        self.assertEqual((preview["tier_id"], preview["next_tier_id"]), (self.top.id, None))
        with self.refused("is not in use"):
            self.env["crm.value.tier.lock"].create(
                {"value_id": self.value(self.far).id, "tier_id": diamond.id, "reason": "friend"}
            )
        rows = self.env["crm.value.dashboard"].with_context(allowed_company_ids=self.company.ids).read_dashboard()
        self.assertNotIn("Diamond", [row["name"] for row in rows["tiers"]["rows"]])

    def test_the_benefits_of_a_draft_are_nobodys_and_keep_nobody_out(self):
        diamond = self.diamond()
        program = self.program()
        self.benefit("program", diamond, program_id=program.id)
        self.benefit("pricelist", diamond, pricelist_id=self.vip.id)
        Benefit = self.env["crm.value.benefit"]
        self.assertFalse(Benefit._active_benefits(diamond, self.company, TODAY))
        self.assertNotIn(program.id, Benefit._gated_programs())
        self.assertNotIn(self.vip.id, Benefit._tier_pricelist_ids())
        diamond.action_activate()
        self.assertEqual(len(Benefit._active_benefits(diamond, self.company, TODAY)), 2)
        self.assertIn(program.id, Benefit._gated_programs())

    def test_activated_it_counts(self):
        diamond = self.diamond()
        self.env["crm.value.run"].search([("kind", "=", "tiers")]).unlink()
        diamond.action_activate()
        self.assertEqual((diamond.state, diamond.active), ("active", True))
        self.assertTrue(
            self.env["crm.value.run"].search([("kind", "=", "tiers"), ("company_id", "=", self.company.id)])
        )
        self.Assignment._assign_company()
        self.assertEqual(self.tiers(), ["Diamond", "Top", "Top"])
        diamond.action_archive()
        self.Assignment._assign_company()
        self.assertEqual((diamond.state, self.tiers()), ("active", ["Top", "Top", "Top"]))

    def test_a_draft_is_activated_not_unarchived(self):
        diamond = self.diamond()
        with self.assertRaisesRegex(ValidationError, "Diamond is a draft: activate it first"):
            diamond.action_unarchive()

    def test_a_draft_may_contradict_other_tiers_until_it_is_activated(self):
        diamond = self.diamond()
        diamond.criterion_ids.write({"enter_min": 4000, "keep_min": 4000})
        self.assertFalse(self.simulation(diamond).is_previewed)
        with self.assertRaisesRegex(ValidationError, "Top"):
            diamond.action_activate()

    def test_a_copy_of_a_tier(self):
        self.assertEqual(self.top.with_context(value_new_as_draft=True).copy({"sequence": 900}).state, "draft")

    def simulation(self, tier):
        action = tier.with_context(**self.screen().env.context).action_simulate()
        return self.env[action["res_model"]].browse(action["res_id"])

    def moves(self, action):
        records = self.env["crm.value.tier.simulation.move"].search(action["domain"])
        return [
            (move.value_id.partner_id.name, move.from_tier_id.name, move.to_tier_id.name, move.falls_on)
            for move in records
        ]

    def test_a_draft_is_simulated(self):
        diamond = self.diamond()
        simulation = self.simulation(diamond)
        self.assertTrue(simulation.is_previewed, "few customers: at once")
        self.assertEqual((simulation.up_count, simulation.down_count, simulation.later_count), (1, 0, 0))
        self.assertEqual(self.moves(simulation.action_open_moves()), [("Rich", "Top", "Diamond", False)])
        # 90 % of 8000 is 7200
        self.assertEqual(self.moves(simulation.action_open_near()), [("Near", "Top", "Diamond", False)])
        line = simulation.line_ids.filtered(lambda line: line.tier_id == diamond)
        self.assertEqual((line.is_draft, line.is_used, line.customers_then, line.nearly), (True, True, 1, 1))
        self.assertEqual((diamond.state, self.tiers()), ("draft", ["Top", "Top", "Top"]), "nothing is saved")

    def test_a_simulation_of_all_tiers_leaves_drafts_out_unless_they_are_ticked(self):
        diamond = self.diamond()
        simulation = self.env["crm.value.tier.simulation"].create({"company_id": self.company.id})
        simulation.action_preview()
        self.assertEqual(simulation.move_count, 0)
        simulation.line_ids.filtered(lambda line: line.tier_id == diamond).is_used = True
        simulation.action_preview()
        self.assertEqual(simulation.move_count, 1)
        simulation.action_apply()
        self.assertEqual((diamond.state, diamond.active, self.tiers()), ("active", True, ["Diamond", "Top", "Top"]))

    def test_who_falls_now_and_who_falls_by_when(self):
        self.top.write({"downgrade_policy": "grace", "grace_days": 30})
        simulation = self.env["crm.value.tier.simulation"].create({"company_id": self.company.id})
        simulation.criterion_ids.filtered(lambda line: line.tier_id == self.top).write(
            {"enter_min": 8000, "keep_min": 7200}
        )
        simulation.action_preview()
        self.assertEqual((simulation.down_count, simulation.later_count, simulation.move_count), (0, 1, 0))
        self.assertEqual(self.moves(simulation.action_open_falls()), [("Far", "Top", "Mid", date(2025, 7, 30))])
        self.assertIn("1 customers keep their tier until its grace period ends", simulation.later_summary)
        self.assertIn("07/30/2025", simulation.later_summary)
        self.assertEqual(simulation.later_known_count, 0)
        simulation.action_apply()
        self.assertEqual(self.value(self.far).tier_review_date, date(2025, 7, 30), "the simulation was right")
        again = self.env["crm.value.tier.simulation"].create({"company_id": self.company.id})
        again.action_preview()
        self.assertEqual((again.later_count, again.later_known_count), (1, 1))

    def test_who_falls_at_once(self):
        simulation = self.env["crm.value.tier.simulation"].create({"company_id": self.company.id})
        simulation.criterion_ids.filtered(lambda line: line.tier_id == self.top).write(
            {"enter_min": 8000, "keep_min": 8000}
        )
        simulation.action_preview()
        self.assertEqual((simulation.down_count, simulation.later_count, simulation.near_count), (2, 0, 1))
        self.assertFalse(simulation.later_summary)

    def test_a_configuration_file_keeps_drafts(self):
        diamond = self.diamond()
        Export = self.env["crm.value.configuration.export"].with_company(self.company)
        data = Export._export(self.company)
        [record] = [record for record in data["records"] if record["values"].get("state") == "draft"]
        self.assertEqual(record["values"]["name"]["en_US"], "Diamond")
        diamond.unlink()
        self.env["crm.value.configuration.import"].with_company(self.company)._import(self.company, data)
        again = self.env["crm.value.tier"].with_context(active_test=False).search([("name", "=", "Diamond")])
        self.assertEqual((again.state, again.active, len(again.criterion_ids)), ("draft", False, 1))
        # a file of the version before has no drafts
        for record in data["records"]:
            record["values"].pop("state", None)
            if record["values"].get("name", {}) == {"en_US": "Diamond"}:
                record["values"]["active"] = True
        again.unlink()
        self.env["crm.value.configuration.import"].with_company(self.company)._import(self.company, data)
        again = self.env["crm.value.tier"].search([("name", "=", "Diamond")])
        self.assertEqual((again.state, again.active), ("active", True))

    def test_new_rules_of_the_screen_are_switched_off(self):
        Rule = self.screen("crm_value_followup_rule_action", "crm.value.followup.rule")
        with Form(Rule) as form:
            form.name = "Call"
            form.trigger = "tier_gained"
            form.company_id = self.company
        rule = form.record
        self.assertFalse(rule.active)
        rule.action_preview()
        self.assertFalse(rule.active, "a preview switches nothing on")
        rule.action_run()
        self.assertFalse(rule.followup_ids)
        rule.action_activate()
        self.assertTrue(rule.active)
        self.assertTrue(self.env["crm.value.followup.rule"].create({"name": "By code"}).active)

    def test_the_context_of_the_screen_reaches_nothing_else(self):
        """The request of a pass, made while a draft is saved on the screen, is no draft."""
        with Form(self.screen().browse(self.top.id)) as form:
            with form.criterion_ids.edit(0) as line:
                line.enter_min = 6000
        self.assertTrue(
            self.env["crm.value.run"].search(
                [("kind", "=", "tiers"), ("state", "=", "queued"), ("company_id", "=", self.company.id)]
            )
        )

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from ...models.setup.crm_value_first_hour import STEPS
from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestCrmValueFirstHour(ValueCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.value_first_hour = False
        cls.admin, cls.manager, cls.seller = (
            new_test_user(
                cls.env, login, groups=groups, company_id=cls.company.id, company_ids=[Command.set(cls.company.ids)]
            )
            for login, groups in (
                ("hour_admin", "base.group_system,sales_team.group_sale_manager"),
                ("hour_manager", "sales_team.group_sale_manager"),
                ("hour_seller", "sales_team.group_sale_salesman"),
            )
        )

    def as_user(self, user):
        return self.env(user=user, context={"allowed_company_ids": self.company.ids})

    def steps(self, user=None):
        payload = self.as_user(user or self.manager)["crm.value.dashboard"].read_dashboard()
        return {step["name"]: step for step in payload["first_hour"]}

    def take(self, name, user=None):
        return self.as_user(user or self.manager)["crm.value.first.hour"].open_step(name, self.company.id)

    def test_before_the_first_refresh(self):
        self.env["crm.value.run"].search([]).unlink()
        steps = self.steps(self.admin)
        self.assertEqual(list(steps), list(STEPS))
        self.assertEqual([name for name, step in steps.items() if step["is_open"]], ["refresh", "settings"])
        self.assertFalse(any(step["is_done"] for step in steps.values()))
        self.take("refresh")
        self.assertTrue(self.env["crm.value.run"].search([("company_id", "=", self.company.id)]))

    def test_until_all_is_done(self):
        self.invoice(self.customer(), "2025-05-01", 500)
        self.refresh()
        steps = self.steps(self.admin)
        self.assertTrue(steps["refresh"]["is_done"])
        self.assertIn("40 %", steps["settings"]["text"])
        for name in ("settings", "benefits", "rules"):
            self.assertIn(self.take(name, self.admin)["type"], ("ir.actions.act_window", "ir.actions.client"))
            self.assertTrue(self.steps(self.admin)[name]["is_done"])
        self.assertFalse(self.steps(self.admin)["tiers"]["is_done"])
        self.take("tiers", self.admin)
        self.assertFalse(self.steps(self.admin))

    def test_thresholds_of_the_own_pyramid_are_simulated_and_not_saved(self):
        for number in range(1, 21):
            self.invoice(self.customer(f"Customer {number}"), "2025-05-01", 100 * number)
        self.refresh()
        tiers = self.env["crm.value.tier"].search(self.env["crm.value.tier"]._domain_of(self.company))
        before = tiers.criterion_ids.mapped("enter_min")
        action = self.take("tiers")
        simulation = self.env[action["res_model"]].browse(action["res_id"])
        self.assertEqual(simulation.create_uid, self.manager)
        self.assertTrue(simulation.is_previewed)
        self.assertEqual(sum(simulation.line_ids.mapped("customers_then")), 20)
        self.assertGreater(len([line for line in simulation.line_ids if line.customers_then]), 2)
        self.assertEqual(tiers.criterion_ids.mapped("enter_min"), before)

    def test_nobody_has_bought_yet(self):
        self.refresh()
        with self.assertRaises(UserError):
            self.take("tiers")
        self.assertFalse(self.steps()["tiers"]["is_done"])

    def test_who_sees_it(self):
        self.refresh()
        self.assertFalse(self.steps(self.seller))
        self.assertNotIn("settings", self.steps(self.manager))
        for name, user in (("rules", self.seller), ("settings", self.manager)):
            with self.assertRaises(AccessError):
                self.take(name, user)
        with self.assertRaises(AccessError):
            self.as_user(self.seller)["crm.value.first.hour"].close(self.company.id)
        for nonsense in ("", "nothing", None, "_mark"):
            with self.assertRaises(UserError):
                self.take(nonsense)
        with self.assertRaises(UserError):
            self.as_user(self.manager)["crm.value.first.hour"].open_step("rules", 0)
        with self.assertRaises(AccessError):
            self.company.with_user(self.admin).value_first_hour = "rules"

    def test_hidden_for_this_company_only(self):
        self.refresh()
        other = self.setup_other_company(name="Other")["company"]
        self.as_user(self.manager)["crm.value.first.hour"].close(self.company.id)
        self.assertFalse(self.steps())
        self.assertTrue(self.env["crm.value.first.hour"]._checklist(other, True))

    def test_no_query_once_it_is_done(self):
        self.refresh()
        checklist = self.as_user(self.manager)["crm.value.first.hour"]
        checklist.close(self.company.id)
        company = self.company.with_env(checklist.env)
        self.env.flush_all()
        company.fetch(["value_first_hour", "name"])
        with self.assertQueryCount(0):
            self.assertFalse(checklist._checklist(company, True))

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.service.model import call_kw, get_public_method
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .common_trust import TrustCase
from .rights_table import METHODS

#: one for all companies: nothing in it is a company's
_SHARED = ("crm.value.rfm.segment",)


class TestDoors(TrustCase):
    """Public methods, asked by somebody of another company, and with things in the context that nobody expects."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.elsewhere = cls.env["res.company"].create({"name": "Elsewhere"})
        cls.stranger = new_test_user(
            cls.env,
            "stranger",
            "sales_team.group_sale_manager",
            company_id=cls.elsewhere.id,
            company_ids=[Command.set(cls.elsewhere.ids)],
        )
        cls.there = cls.env(user=cls.stranger, context={"allowed_company_ids": cls.elsewhere.ids})

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.models")
    def test_records_of_another_company(self):
        for model, record in self.records.items():
            if model in _SHARED:
                continue
            with self.subTest(model=model):
                self.assertTrue(record)
                for operation in ("read", "write", "unlink"):
                    self.assertFalse(record.with_env(self.there).has_access(operation), operation)
                if self.there[model].has_access("read"):
                    self.assertFalse(self.there[model].search([("id", "=", record.id)]))

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.models", "odoo.sql_db")
    def test_methods_with_ids_of_another_company(self):
        for (model, method), (_who, arguments) in METHODS.items():
            record = self.records.get(model)
            if not record or model in _SHARED or hasattr(get_public_method(record, method), "_api_model"):
                continue
            with self.subTest(method=f"{model}.{method}"):
                before = self.texts_of_all()
                with self.assertRaises(AccessError), self.env.cr.savepoint():
                    call_kw(self.there[model], method, [record.ids], dict(arguments))
                self.assertEqual(self.texts_of_all(), before)

    def texts_of_all(self):
        self.env.invalidate_all()
        return [self.worth.read(["tier_id", "revenue_total", "caution"]), self.records["crm.value.tier.lock"].active]

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.models")
    def test_wizards_for_another_company(self):
        for model, vals in (
            ("crm.value.backtest", {}),
            ("crm.value.equity", {}),
            ("crm.value.replay", {"as_of_date": "2024-01-31"}),
            ("crm.value.tier.simulation", {}),
            ("crm.value.target", {"metric": "equity", "goal": 1.0}),
        ):
            with self.subTest(model=model), self.assertRaises(AccessError), self.env.cr.savepoint():
                self.there[model].create({"company_id": self.company.id, **vals}).read()
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            self.there["crm.value.benefit.copy"].create(
                {"tier_id": self.low.id, "from_tier_id": self.top.id}
            ).action_copy()
        preview = (
            self.there["crm.value.followup.preview"]
            .create({"rule_id": self.records["crm.value.followup.rule"].id})
            .preview
        )
        self.assertNotIn(self.company.name, preview)

    def test_a_shared_contact_shows_only_what_is_known_here(self):
        partner = self.buyer.with_env(self.there)
        self.assertFalse(partner.value_id)
        self.assertFalse(partner.revenue_total or partner.clv or partner.value_tier_id)
        self.assertFalse(self.there["res.partner"].search_count([("revenue_total", ">", 0)]))
        action = partner.action_open_value()
        self.assertEqual(action["tag"], "display_notification")
        self.assertNotIn(self.company.name, str(action))

    def test_companies_that_are_not_the_users(self):
        context = {"allowed_company_ids": [self.elsewhere.id, self.company.id]}
        for model, method in (
            ("crm.value.equity", "equity_summary"),
            ("crm.value", "action_recompute_company"),
            ("crm.value", "get_figures_age"),
            ("crm.value.fit", "action_fit_now"),
            ("crm.value.dashboard", "read_dashboard"),
        ):
            with self.subTest(method=f"{model}.{method}"), self.assertRaises(AccessError), self.env.cr.savepoint():
                call_kw(
                    self.there[model], method, [], {"context": context | {"allowed_company_ids": [self.company.id]}}
                )
            with (
                self.subTest(method=f"{model}.{method}", both=True),
                self.assertRaises(AccessError),
                self.env.cr.savepoint(),
            ):
                call_kw(self.there[model], method, [], {"context": context})

    def test_the_context_changes_no_stored_figure(self):
        names = [name for name in self.Value._refreshed_fields() if name != "satisfaction"] + ["tier_id"]
        self.refresh()
        before = self.worth.read(names)
        row = [10**8, self.buyer.id, self.company.id, str(self.today), 1e6, 1e6, 0, 1e6]
        seller = self.users["own"]
        for hint in (
            {"value_draft": [row]},
            {"value_as_of": "2000-01-01"},
            {"value_horizon": 1},
            {"value_fit_id": 0},
            {"value_merged": [self.users["own"].partner_id.id, self.buyer.ids]},
            {"value_unposted": self.sale.id},
            {"value_tier_source": "merge"},
            {"value_for_customer": True},
        ):
            context = {"allowed_company_ids": self.company.ids, **hint}
            with self.subTest(hint=hint):
                for model, method, ids in (
                    ("res.partner", "action_recompute_value", [self.buyer.ids]),
                    ("sale.order", "action_recompute_value", [self.sale.ids]),
                    ("crm.value", "action_recompute_company", []),
                ):
                    call_kw(self.env(user=seller)[model], method, ids, {"context": context})
                self.env.invalidate_all()
                self.assertEqual(self.worth.read(names), before)

    def test_the_context_invents_no_reason(self):
        later = self.customer("Later")
        self.invoice(later, self.today, 9000)
        call_kw(
            self.env(user=self.users["own"])["res.partner"],
            "action_recompute_value",
            [later.ids],
            {"context": {"allowed_company_ids": self.company.ids, "value_tier_source": "initial"}},
        )
        self.assertEqual(self.tier_changes(later), [(False, "Top", "refresh")])

    def test_what_is_no_customer_value(self):
        """Ids that do not exist, and arguments of the wrong kind: a refusal, and never more than asked for."""
        env = self.env(user=self.users["manager"], context={"allowed_company_ids": self.company.ids})
        for model, method, args in (
            ("crm.value", "explain_value", [[10**9]]),
            ("crm.value", "action_open_purchases", [[10**9]]),
            ("crm.value.tier", "action_open_customers", [[10**9]]),
            ("crm.value", "action_open_part", [self.worth.ids, "__class__"]),
            ("crm.value", "action_open_part", [self.worth.ids, "'; DROP TABLE crm_value; --"]),
        ):
            with self.subTest(method=method, args=args):
                with self.assertRaises(UserError), self.env.cr.savepoint():
                    call_kw(env[model], method, args, {})
        self.assertTrue(self.worth.exists())

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .common_trust import TrustCase
from .rights_table import MODELS

_MODULE = "crm_value_addon"
#: plain numbers that wait for a cron, for administrators only
_QUEUES = ("crm.value.queue", "crm.value.points.due")
#: models whose records may belong to all companies, and do in these tests
_SHARED = {
    "crm.value.rfm.segment",
    "crm.value.feedback.cause",
    "crm.value.feedback.kind",
    "crm.value.leaving.reason",
    "crm.value.contact.style",
    "crm.value.holiday",
    "crm.value.interest",
    "crm.value.message.kind",
}


class TestOwners(TrustCase):
    """Nobody reads the answers that a wizard gave somebody else, and nobody reads another company's records."""

    def ours(self, *, transient):
        return [
            name
            for name, model in self.env.registry.items()
            if model._original_module == _MODULE and not model._abstract and model._transient == transient
        ]

    def rules_for_all(self, model):
        return self.env["ir.rule"].search([("model_id.model", "=", model), ("groups", "=", False)])

    def test_every_wizard_is_its_authors(self):
        for model in self.ours(transient=True):
            with self.subTest(model=model):
                domains = self.rules_for_all(model).mapped("domain_force")
                self.assertTrue(any("create_uid', '=', user.id)" in domain for domain in domains), domains)

    def own_wizard(self, model):
        """Return a wizard of the manager, or the line of one."""
        manager = self.users["manager"]
        parents = {
            "crm.value.replay.line": "crm.value.replay",
            "crm.value.backtest.line": "crm.value.backtest",
            "crm.value.tier.simulation.move": "crm.value.tier.simulation",
            "crm.value.what.if.line": "crm.value.what.if",
        }
        if model not in parents:
            return self.make_wizard(model, manager)
        vals = {
            "crm.value.replay.line": {"replay_id": 0, "partner_id": self.buyer.id},
            "crm.value.backtest.line": {"backtest_id": 0, "method": "modified_beta_geo"},
            "crm.value.tier.simulation.move": {"simulation_id": 0, "value_id": self.worth.id},
            "crm.value.what.if.line": {"what_if_id": 0, "kind": "tier"},
        }[model]
        parent = self.make_wizard(parents[model], manager)
        return self.env[model].create({name: parent.id if value == 0 else value for name, value in vals.items()})

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_another_manager_reads_nothing(self):
        other = new_test_user(
            self.env,
            "other_manager",
            "sales_team.group_sale_manager",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        for model in self.ours(transient=True):
            if not self.env(user=self.users["manager"])[model].has_access("create"):
                continue
            wizard = self.own_wizard(model)
            theirs = wizard.with_user(other)
            with self.subTest(model=model):
                self.assertFalse(theirs.search([("id", "in", wizard.ids)]))
                with self.assertRaises(AccessError):
                    theirs.read(["id", "create_date"])

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_nothing_is_readable_across_companies(self):
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        groups = "base.group_system,sales_team.group_sale_manager,account.group_account_manager"
        stranger = new_test_user(
            self.env, "stranger", groups, company_id=elsewhere.id, company_ids=[Command.set(elsewhere.ids)]
        )
        for model in self.ours(transient=False):
            record = (
                self.records.get(model, self.env[model].search([], limit=1))
                .with_user(stranger)
                .with_context(allowed_company_ids=elsewhere.ids)
            )
            if model in _SHARED or "company_id" in record._fields and not record.sudo().company_id:
                continue
            with self.subTest(model=model):
                self.assertTrue(self.rules_for_all(model) or model in _QUEUES, "no rule at all")
                if model not in _QUEUES:  # plain numbers, for administrators only
                    self.assertFalse(record and record.has_access("read"))
                    self.assertFalse(record.search([("id", "in", record.ids)]) if record else False)

    def test_the_table_of_rights_knows_them_all(self):
        self.assertEqual({*self.ours(transient=True), *self.ours(transient=False)}, MODELS.keys())

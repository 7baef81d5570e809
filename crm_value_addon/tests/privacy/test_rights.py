from pathlib import Path

from odoo.exceptions import AccessError, UserError
from odoo.models import BaseModel
from odoo.orm.models import MetaModel
from odoo.service.model import get_public_method
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common_trust import ROLES, TrustCase
from .rights_table import ACTIONS, METHODS, MODELS, OWN_ROWS, render

_MODULE = "crm_value_addon"
_DOCUMENT = Path(__file__).parents[3] / "docs" / "rights.md"
#: what Odoo itself asks for each right on a model decides on these, too; `MODELS` holds it
_OF_ODOO = {name for name in vars(BaseModel) if not name.startswith("_")}
# of a wizard of Odoo's, whose rights hold as ever; we only note what it made
_OF_ODOO.add("reverse_moves")


class RightsCase(TrustCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # so that loading the sample data says that it is there, instead of taking a minute for each role
        cls.env["res.company"].create({"name": "Sample", "value_is_sample": True})

    def env_of(self, role):
        return self.env(user=self.users[role], context={"allowed_company_ids": self.company.ids})

    def record_for(self, model, role):
        """Return the record of a model that a role is asked about: its own where it is a wizard."""
        model = {"mail.thread": "res.partner", "crm.value.mixin": "res.partner"}.get(model, model)
        records = {"res.partner": self.buyer, "sale.order": self.sale}
        if self.env[model]._abstract:
            return self.env[model]
        if not self.env[model]._transient:
            return (records | self.records)[model]
        try:
            with self.env.cr.savepoint():
                return self.make_wizard(model, self.users[role])
        except AccessError:
            return self.make_wizard(model, self.env.user)


class TestRights(RightsCase):
    """The table of `rights_table`, asked model by model and role by role; whatever is new has to get its row."""

    def test_every_model_has_its_row(self):
        ours = {
            name
            for name, model in self.env.registry.items()
            if model._original_module == _MODULE and not model._abstract
        }
        self.assertEqual(ours, MODELS.keys())

    def test_every_public_method_has_its_row(self):
        found = set()
        for definition in MetaModel._module_to_models__[_MODULE]:
            names = {name for name, member in vars(definition).items() if callable(member)} - _OF_ODOO
            for model in [definition._name] if definition._name else definition._inherit:
                found |= {(model, name) for name in names if self.is_public(model, name)}
        self.assertEqual(found, METHODS.keys())

    def test_what_was_decided_is_not_written(self):
        """Readonly fields that we store on Odoo's models decide, or are added up: no role writes them."""
        found, written = set(), set()
        for name, model in self.env.registry.items():
            for field in model._fields.values() if model._original_module != _MODULE and model._auto else ():
                if _MODULE in field._modules and field.store and field.readonly:
                    found.add(f"{name}.{field.name}")
                    written |= {
                        f"{name}.{field.name}: {role}"
                        for role in ROLES
                        if self.env_of(role)[name]._has_field_access(field, "write")
                    }
        self.assertLessEqual(
            {
                "loyalty.history.value_extra_amount",
                "mail.activity.value_followup_id",
                "sale.order.value_approved_shortfall",
                "sale.order.value_margin_approved_by_id",
                "sale.order.value_tier_id",
                "sale.order.line.value_benefit_cost",
            },
            found,
        )
        self.assertFalse(written)

    def is_public(self, model, name):
        try:
            return bool(get_public_method(self.env[model], name))
        except AccessError:
            return False

    def test_every_server_action_has_its_row(self):
        found = (
            self.env["ir.model.data"]
            .search([("module", "=", _MODULE), ("model", "in", ("ir.actions.server", "ir.cron"))])
            .mapped("name")
        )
        crons = {name for name in found if name.endswith("_ir_actions_server")}
        self.assertEqual(set(found) - crons, ACTIONS.keys())

    @mute_logger("odoo.models", "odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_records(self):
        for model, rights in MODELS.items():
            for role in ROLES:
                allowed = tuple(
                    self.env_of(role)[model].has_access(operation)
                    for operation in ("read", "write", "create", "unlink")
                )
                with self.subTest(model=model, role=role):
                    self.assertEqual(allowed, tuple(role in who for who in rights))

    @mute_logger("odoo.models", "odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_a_record_that_may_be_read_is_read(self):
        for model, record in self.records.items():
            self.assertTrue(record, f"{model}: the test has no record")
            for role in ROLES:
                with self.subTest(model=model, role=role):
                    if model in OWN_ROWS and role == "all":
                        continue  # the record is somebody else's
                    is_read = record.with_env(self.env_of(role)).has_access("read")
                    self.assertEqual(is_read, role in MODELS[model][0])

    def test_the_document_is_the_table(self):
        if not _DOCUMENT.exists():
            self.skipTest("installed without the documents")
        self.assertIn(render(), _DOCUMENT.read_text(), "run: python crm_value_addon/tests/privacy/rights_table.py")

    @mute_logger("odoo.addons.base.models.ir_actions", "odoo.models", "odoo.addons.base.models.ir_model")
    def test_server_actions(self):
        for name, who in ACTIONS.items():
            action = self.env.ref(f"{_MODULE}.{name}")
            record = {"sale.order": self.sale, "res.partner": self.buyer}.get(action.model_id.model, self.worth)
            for role in ROLES:
                with self.subTest(action=name, role=role):
                    self.assertEqual(self.runs(action, record, role), role in who)

    def runs(self, action, record, role):
        context = {"active_model": record._name, "active_id": record.id, "active_ids": record.ids}
        action = action.with_env(self.env_of(role)).with_context(**context)
        savepoint = self.env.cr.savepoint()
        try:
            if action._name == "ir.cron":
                return action.has_access("write") and action.ir_actions_server_id.has_access("write")
            action.run()
        except AccessError:
            return False
        except UserError:
            return True
        finally:
            savepoint.rollback()
            savepoint.close(rollback=False)
            self.env.invalidate_all()
        return True


@tagged("post_install", "-at_install")
class TestRightsOverHttp(RightsCase, HttpCase):
    """Every public method over JSON-2: 200, or a sentence about the record, for whom the table names; else refused."""

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model", "odoo.models")
    def test_methods(self):
        keys = {
            role: self.env(user=user)["res.users.apikeys"].sudo()._generate("rpc", "Trust", None)
            for role, user in self.users.items()
            if role != "public"
        }
        for (model, method), (who, arguments) in METHODS.items():
            for role in ROLES:
                with self.subTest(method=f"{model}.{method}", role=role):
                    status, text = self.call(model, method, role, keys, arguments)
                    self.assertLess(status, 500, text)
                    self.assertEqual(status not in (401, 403), role in who, f"{status} {text}")

    def call(self, model, method, role, keys, arguments):
        """Call a method as a role; nothing of what it did stays."""
        with self.env.cr.savepoint() as savepoint:
            record = self.record_for(model, role)
            of_model = hasattr(get_public_method(record, method), "_api_model")
            self.env.flush_all()
            response = self.url_open(
                f"/json/2/{record._name}/{method}",
                json={
                    **({} if of_model else {"ids": record.ids}),
                    **arguments,
                    "context": {"allowed_company_ids": self.company.ids},
                },
                headers={"Authorization": f"bearer {keys[role]}"} if role in keys else {},
            )
            savepoint.rollback()
        self.env.invalidate_all()
        return response.status_code, response.text[:300]

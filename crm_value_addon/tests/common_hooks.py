"""What of Odoo's own methods, fields, views and screens our addons change, and what docs/architecture.md says of it."""

import inspect
import re
from pathlib import Path

from odoo.fields import Field
from odoo.tests import TransactionCase, tagged

_ROOT = Path(__file__).parents[2]
_OURS = "odoo.addons.crm_value_addon"
#: the table of an addon in the page: its name as a heading, then the table
_SECTION = re.compile(r"^#### `(\w+)`\n(.*?)(?=^#)", re.MULTILINE | re.DOTALL)


def _is_hook(name, value, above):
    """Tell whether an attribute of one of our classes overrides one of the classes above it."""
    is_code = isinstance(value, Field) or inspect.isfunction(value) or isinstance(value, classmethod)
    return is_code and not name.startswith("__") and any(name in vars(cls) for cls in above)


def _model_hooks(env, addon):
    """Return ``model.name`` of what an addon overrides in Odoo's models and in the mixin for three of them."""
    found = set()
    for model, registered in env.registry.items():
        classes = registered.__mro__
        for place, cls in enumerate(classes):
            own = vars(cls)
            is_extension = (own.get("_name") or own.get("_inherit")) == model
            is_odoos = not model.startswith("crm.value") or model == "crm.value.mixin"
            if cls.__module__.startswith(f"odoo.addons.{addon}.") and is_extension and is_odoos:
                above = [other for other in classes[place + 1 :] if not other.__module__.startswith(_OURS)]
                found |= {f"{model}.{name}" for name, value in own.items() if _is_hook(name, value, above)}
    return found


def _view_hooks(env, addon):
    """Return the XML ids of the views of others that an addon inherits."""
    names = env["ir.model.data"].search([("module", "=", addon), ("model", "=", "ir.ui.view")])
    views = env["ir.ui.view"].with_context(active_test=False).browse(names.mapped("res_id"))
    return {name for name in views.inherit_id.get_external_id().values() if not name.startswith("crm_value_addon")}


def _screen_hooks(addon):
    """Return the components of the web client, and their templates, that an addon patches or inherits."""
    found = set()
    for path in (_ROOT / addon / "static" / "src").rglob("*"):
        if path.suffix in (".js", ".xml"):
            found |= set(re.findall(r"^patch\((\w+)\.prototype", path.read_text(), re.MULTILINE))
            found |= set(re.findall(r't-inherit="([\w.]+)"', path.read_text()))
    return {name for name in found if not name.startswith("crm_value_addon")}


def hooks(env, addon):
    """Return all hooks of an addon that is installed."""
    return _model_hooks(env, addon) | _view_hooks(env, addon) | _screen_hooks(addon)


@tagged("post_install", "-at_install")
class HooksCase(TransactionCase):
    """The tables "hooks we stand on" of docs/architecture.md are those of the code."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        page = _ROOT / "docs" / "architecture.md"
        if not page.exists():
            cls.skipTest(cls, "an addon without its documentation")
        cls.tables = dict(_SECTION.findall(page.read_text()))

    def assert_table_is_true(self, addon):
        rows = re.findall(r"^\|([^|]*)\|", self.tables.get(addon, ""), re.MULTILINE)
        told = [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]
        self.assertEqual(len(told), len(set(told)), "a hook stands in one row")
        found = hooks(self.env, addon)
        self.assertFalse(found - set(told), "in the code, not in docs/architecture.md")
        self.assertFalse(set(told) - found, "in docs/architecture.md, not in the code: has Odoo renamed it?")

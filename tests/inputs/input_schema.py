"""What can be put in: the fields and public methods that the addon brings, found out and not listed by hand."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ADDON = Path(__file__).parents[2] / "crm_value_addon"
#: methods that every model has; they are tried as operations on fields
_OF_ALL_MODELS = {"create", "write", "unlink", "init", "copy_data"}


@dataclass(frozen=True)
class Field:
    """A field of the addon as fields_get describes it; `options` are the keys of a selection."""

    model: str
    name: str
    type: str
    relation: str = ""
    options: tuple = ()
    required: bool = False
    readonly: bool = False
    store: bool = True
    searchable: bool = True


def fields_of(site):
    """Return the fields that the addon brings or that its own models have: {model: {name: Field}}."""
    rows = site.call("ir.model", "read", ids=_records(site, "ir.model"), fields=["model", "abstract"])
    own = {row["model"] for row in rows if row["model"].startswith("crm.value") and not row["abstract"]}
    rows = site.call("ir.model.fields", "read", ids=_records(site, "ir.model.fields"), fields=["model", "name"])
    brought = {}
    for row in rows:
        brought.setdefault(row["model"], set()).add(row["name"])
    return {
        model: _describe(site, model, None if model in own else names)
        for model, names in sorted(brought.items())
        if not model.startswith("crm.value") or model in own
    }


def _records(site, model):
    rows = site.call(
        "ir.model.data",
        "search_read",
        fields=["res_id"],
        domain=[("module", "=", "crm_value_addon"), ("model", "=", model)],
    )
    return [row["res_id"] for row in rows]


def _describe(site, model, names):
    # the display name of other models is Odoo's
    chosen = sorted(names - {"display_name"}) if names else []
    described = site.call(model, "fields_get", allfields=chosen) if chosen or not names else {}
    return {
        name: Field(
            model,
            name,
            row["type"],
            row.get("relation", ""),
            tuple(key for key, _label in row.get("selection") or ()),
            row.get("required", False),
            row.get("readonly", False),
            row.get("store", True),
            row.get("searchable", True),
        )
        for name, row in described.items()
        # the fields of the mixins are Odoo's
        if names or not name.startswith(("message_", "activity_", "has_message", "rating_", "my_activity"))
    }


@dataclass(frozen=True)
class Method:
    """A public method: callable by everybody who has a key."""

    model: str
    name: str
    parameters: tuple
    on_model: bool


def methods():
    """Return the public methods of the addon, read from its source."""
    found = set()
    for path in sorted([*ADDON.glob("models/*.py"), *ADDON.glob("wizards/*.py"), *ADDON.glob("report/*.py")]):
        for cls in ast.walk(ast.parse(path.read_text())):
            if isinstance(cls, ast.ClassDef):
                found.update(_methods_of(cls))
    return sorted(found, key=lambda method: (method.model, method.name))


def _methods_of(cls):
    model = _model_of(cls)
    for node in cls.body if model else ():
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_") or node.name in _OF_ALL_MODELS:
            continue
        marks = {mark.attr for mark in node.decorator_list if isinstance(mark, ast.Attribute)}
        if "private" not in marks:
            yield Method(model, node.name, tuple(arg.arg for arg in node.args.args[1:]), "model" in marks)


def _model_of(cls):
    names = {}
    for node in cls.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = node.value
    for key in ("_name", "_inherit"):
        value = names.get(key)
        if isinstance(value, ast.Constant):
            return value.value
    return None


def models():
    """Return the models that have fields of the addon's, read from its source."""
    found = set()
    for path in sorted([*ADDON.glob("models/*.py"), *ADDON.glob("wizards/*.py"), *ADDON.glob("report/*.py")]):
        for cls in ast.walk(ast.parse(path.read_text())):
            if isinstance(cls, ast.ClassDef) and _model_of(cls) and any(map(_is_field, cls.body)):
                found.add(_model_of(cls))
    return sorted(found)


def _is_field(node):
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and isinstance(node.value.func.value, ast.Name)
        and node.value.func.value.id == "fields"
    )


def context_keys():
    """Return the keys of the context that the addon reads, from its source."""
    source = "".join(path.read_text() for path in ADDON.rglob("*.py") if "tests" not in path.parts)
    found = re.findall(r'context(?:\.get\(|\[)"(\w+)"|"(\w+)" in self\.env\.context', source)
    return sorted({first or second for first, second in found})

import ast
from collections import Counter, defaultdict
from pathlib import Path

from odoo.tests import BaseCase, tagged

ADDON = Path(__file__).parents[1]
_MOST_FILES = 25


def model_of(node):
    """Return the name of the model that a class defines or extends, None when it is no model."""
    named = {
        target.id: ast.literal_eval(line.value)
        for line in node.body
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name) and target.id in ("_name", "_inherit")
    }
    inherited = named.get("_inherit")
    return named.get("_name") or (inherited[0] if isinstance(inherited, list) else inherited)


@tagged("post_install", "-at_install")
class TestHouse(BaseCase):
    """The first rule of docs/architecture.md, and rooms small enough to overlook."""

    def test_a_model_has_one_class_and_a_method_one_home(self):
        homes = defaultdict(list)
        for path in ADDON.rglob("*.py"):
            place = path.relative_to(ADDON)
            for node in ast.walk(ast.parse(path.read_text())) if "tests" not in place.parts else ():
                model = isinstance(node, ast.ClassDef) and model_of(node)
                if model:
                    methods = [line.name for line in node.body if isinstance(line, ast.FunctionDef)]
                    for name in (model, *(f"{model}: {method}()" for method in methods)):
                        homes[name].append(f"{place}:{node.lineno}")
        self.assertIn("crm.value", homes)
        self.assertFalse({name: places for name, places in homes.items() if len(places) > 1})

    def test_a_folder_holds_at_most_25_files(self):
        files = Counter(str(path.parent.relative_to(ADDON)) for path in ADDON.rglob("*.py"))
        self.assertFalse({folder: count for folder, count in files.items() if count > _MOST_FILES})

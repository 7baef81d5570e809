import io
import re
from pathlib import Path

import polib

from odoo.modules import get_module_path
from odoo.tests import TransactionCase, tagged
from odoo.tools.translate import trans_export

_REPAIR = "`make pot` exports it anew and merges it into the translations"
#: what a translation must not lose: %(name)s, %s, %%, {name}, tags
_PLACEHOLDER = re.compile(r"%\(\w+\)[sdf]|%[sdf%]|\{\w+\}|<[^>]*>")
#: read by people, inside a tag
_READ_IN_TAGS = re.compile(r'(aria-label|title|alt)="[^"]*"')


def placeholders(text):
    """Return what a text and its translation must have in common, sorted."""
    return sorted(_PLACEHOLDER.findall(_READ_IN_TAGS.sub("", text)))


def margins(text):
    """Return the white space around a text: views put texts together from pieces."""
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


@tagged("post_install", "-at_install")
class TranslationCase(TransactionCase):
    """The template holds what the module says now, and each translation says all of it. Subclasses name a module."""

    module = None
    allow_inherited_tests_method = True

    def entries(self, file):
        return {entry.msgid: entry for entry in polib.pofile(str(file))}

    def is_of_another_module(self, entry):
        """Tell whether all that an entry names is a field that our models inherit, such as a chatter's."""
        fields = [
            place.split(":")[-1] for place, _line in entry.occurrences if place.startswith("model:ir.model.fields,")
        ]
        return len(fields) == len(entry.occurrences) > 0 and all(self._is_inherited(name) for name in fields)

    def _is_inherited(self, xmlid):
        record = self.env.ref(xmlid, raise_if_not_found=False)
        field = record and self.env[record.model]._fields.get(record.name)
        return bool(field) and self.module not in field._modules

    def own(self, entries):
        return {msgid for msgid, entry in entries.items() if not self.is_of_another_module(entry)}

    def test_the_template_is_current(self):
        buffer = io.BytesIO()
        trans_export(None, [self.module], buffer, "po", self.env)
        now = self.own({entry.msgid: entry for entry in polib.pofile(buffer.getvalue().decode())})
        template = self.own(self.entries(Path(get_module_path(self.module), "i18n", f"{self.module}.pot")))
        self.assertFalse(now - template, f"texts that the template lacks; {_REPAIR}")
        self.assertFalse(template - now, f"texts of the template that nothing says any more; {_REPAIR}")

    def test_each_translation_says_all_of_the_template(self):
        folder = Path(get_module_path(self.module), "i18n")
        template = set(self.entries(folder / f"{self.module}.pot"))
        files = sorted(folder.glob("*.po"))
        self.assertIn("zh_CN.po", [file.name for file in files])
        for file in files:
            with self.subTest(language=file.stem):
                entries = self.entries(file)
                self.assertFalse(template ^ set(entries), f"{file.name} and the template differ; {_REPAIR}")
                self.assertFalse(
                    [entry.msgid for entry in entries.values() if not entry.msgstr or entry.fuzzy],
                    f"{file.name}: not translated",
                )
                self.assertFalse(
                    [
                        (entry.msgid, entry.msgstr)
                        for entry in entries.values()
                        if placeholders(entry.msgid) != placeholders(entry.msgstr)
                        or margins(entry.msgid) != margins(entry.msgstr)
                    ],
                    f"{file.name}: placeholders, tags or the space around the text are not the same",
                )

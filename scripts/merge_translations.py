"""python scripts/merge_translations.py EXPORTED.pot FOLDER: put a template into an i18n folder, and its texts into the
translations there. A text that nothing says any more is removed; a new one is left empty, for a translator."""

import sys
from pathlib import Path

import polib


def texts(template):
    """Return what a template says and where, without the day it was made."""
    return [(entry.msgid, entry.comment, entry.occurrences) for entry in template]


def merge(path, folder):
    """Write the template and its translations; print what is left to translate."""
    template, target = polib.pofile(path), folder / f"{Path(path).stem}.pot"
    if not target.exists() or texts(polib.pofile(str(target))) != texts(template):
        target.write_bytes(Path(path).read_bytes())
    for file in sorted(folder.glob("*.po")):
        translation = polib.pofile(str(file))
        known = {entry.msgid: entry.msgstr for entry in translation}
        metadata, header = translation.metadata, translation.header
        before = [(entry.msgid, entry.msgstr, entry.occurrences) for entry in translation]
        translation.clear()
        for entry in template:
            entry.msgstr = known.get(entry.msgid, "")
            translation.append(entry)
        translation.metadata, translation.header = metadata, header
        if before != [(entry.msgid, entry.msgstr, entry.occurrences) for entry in translation]:
            translation.save()
        missing = len(translation.untranslated_entries())
        print(f"{file}: {len(translation)} texts, {missing} to translate")


if __name__ == "__main__":
    merge(sys.argv[1], Path(sys.argv[2]))

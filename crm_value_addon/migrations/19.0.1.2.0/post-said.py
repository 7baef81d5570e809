"""Find out which sentences the stored texts of refreshes were, in whatever language, so that readers get theirs."""

import re

from odoo import SUPERUSER_ID, api
from odoo.addons.crm_value_addon.models.refresh.crm_value_observation import NO_CUSTOMER, UNREADABLE
from odoo.addons.crm_value_addon.models.refresh.crm_value_run import INTERRUPTED
from odoo.addons.crm_value_addon.models.refresh.said import to_data


def migrate(cr, version):
    """Replace the texts that are recognised by data; run again, it finds only what it left."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    patterns = _patterns(env)
    for line in env["crm.value.run.skipped"].search([]):
        said = _recognise(line.note, patterns)
        if said != line.note:
            line.note = said
    for run in env["crm.value.run"].search([("notes", "!=", False)]):
        notes = [_recognise(note, patterns) for note in run.notes]
        if notes != run.notes:
            run.notes = notes


def _patterns(env):
    """Return how the sentences look in each language: list of (pattern, data without values)."""
    found = []
    for lang, _name in env["res.lang"].get_installed():
        for said in (NO_CUSTOMER, UNREADABLE, INTERRUPTED):
            text = re.escape(env(context={"lang": lang})._(said))
            pattern = re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", text), re.DOTALL)
            found.append((pattern, to_data(said)))
    return found


def _recognise(text, patterns):
    for pattern, data in patterns:
        match = isinstance(text, str) and pattern.fullmatch(text)
        if match:
            return data | {"values": match.groupdict()}
    return text

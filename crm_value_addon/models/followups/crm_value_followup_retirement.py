import json

from odoo import api, models
from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

from ..refresh.said import to_data

_lt = LazyTranslate(__name__)


class CrmValueFollowupRetirement(models.AbstractModel):
    """Switches off what a module made possible, before the module is uninstalled.

    How to use: the hook `uninstall_hook` of a module that adds actions, reasons, templates or ways to earn points
    calls `_retire` with its own name.

    How it works: Odoo puts the default in the place of a value whose module goes. A rule that sent text messages would
    call people instead from the next night on, so it is switched off first, and says why. The activities of its open
    follow-ups, and the places that it gave in mailing lists, stay: they are Odoo's.
    """

    _name = "crm.value.followup.retirement"
    _description = "Follow-ups: Modules That Go"

    @api.model
    def _retire(self, module):
        """Switch off the rules and ways to earn points that need a module, and let go of the module's templates."""
        rules = self._needing(module)
        held = self._held(module)
        for name, ids in held.items():
            rules |= self._all("crm.value.followup.rule").search([(name, "in", ids)])
        app = self.env["ir.module.module"].search([("name", "=", module)]).shortdesc
        why = to_data(_lt("Switched off: “%(app)s”, which this rule needs, was uninstalled.", app=app))
        rules.write({"active": False, "stop_note": why})
        self.env.flush_all()
        for name, ids in held.items():
            # not by the ORM, which refuses a rule without what its action needs: the action goes, too
            self.env.cr.execute(
                SQL(
                    "UPDATE crm_value_followup_rule SET %(name)s = NULL WHERE %(name)s = ANY(%(ids)s)",
                    name=SQL.identifier(name),
                    ids=ids,
                )
            )
        reason = _lt("the rule was switched off")
        self.env.cr.execute(
            SQL(
                """UPDATE crm_value_followup SET state = 'closed', closed_date = %s, close_note = %s, close_term = %s
                    WHERE rule_id = ANY(%s) AND state = 'open'""",
                self.env.company._value_today(),
                json.dumps(to_data(reason)),
                reason._source,
                rules.ids,
            )
        )
        self.env.invalidate_all()
        events = self._values(module, "crm.value.earning", "event")
        self._all("crm.value.earning").search([("event", "in", events)]).active = False

    @api.model
    def _needing(self, module):
        """Return the rules with an action or a reason of a module."""
        rules = self._all("crm.value.followup.rule")
        for name in ("action_type", "trigger"):
            rules |= rules.search([(name, "in", self._values(module, rules._name, name))])
        return rules

    @api.model
    def _held(self, module):
        """Return the module's records that rules would keep from being deleted: dict field of the rule → ids."""
        held = {}
        for name, field in self.env["crm.value.followup.rule"]._fields.items():
            if field.type == "many2one" and field.store and field.ondelete == "restrict":
                ids = self._records(module, field.comodel_name)
                if ids:
                    held[name] = ids
        return held

    @api.model
    def _records(self, module, model):
        data = self.env["ir.model.data"].search([("module", "=", module), ("model", "=", model)])
        return data.mapped("res_id")

    @api.model
    def _values(self, module, model, name):
        """Return the values that a module adds to a selection."""
        selection = self.env["ir.model.fields.selection"].browse(self._records(module, "ir.model.fields.selection"))
        return selection.filtered(lambda one: (one.field_id.model, one.field_id.name) == (model, name)).mapped("value")

    @api.model
    def _all(self, model):
        # what is switched off stays so, but must let go of the templates, too
        return self.env[model].with_context(active_test=False)

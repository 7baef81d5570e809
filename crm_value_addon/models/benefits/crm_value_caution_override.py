from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL


class CrmValueCautionOverride(models.Model):
    """A manager's decision about the caution flag of a customer. It ends, and is never deleted."""

    _name = "crm.value.caution.override"
    _description = "Manual Caution Flag"
    _order = "active desc, id desc"
    _rec_name = "value_id"

    value_id = fields.Many2one("crm.value", string="Customer", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="value_id.company_id")
    caution = fields.Boolean(
        string="Caution Flag", help="Ticked: the flag is raised; unticked: it is not, whatever the limits say"
    )
    reason = fields.Char(required=True)
    until = fields.Date(help="The last day; empty: until somebody ends it")
    user_id = fields.Many2one(
        "res.users", string="By", default=lambda self: self.env.user, readonly=True, ondelete="set null"
    )
    active = fields.Boolean(default=True, readonly=True)

    _value_uniq = models.UniqueIndex("(value_id) WHERE active", "A customer has one caution override.")

    @api.model_create_multi
    def create(self, vals_list):
        """Set or lift the flag at once; an earlier override of the same customer ends."""
        for vals in vals_list:
            vals.pop("user_id", None)
            vals.pop("active", None)
            self.search([("value_id", "=", vals.get("value_id"))])._end()
        overrides = super().create(vals_list)
        overrides._apply()
        return overrides

    def write(self, vals):
        if not vals.keys() <= {"until"}:
            raise UserError(self.env._("A caution override cannot be changed. End it and create a new one."))
        result = super().write(vals)
        self._apply()
        return result

    def action_end(self):
        """Let the limits decide again.

        :raise AccessError: the user may not set caution flags
        """
        self.check_access("write")
        self._end()
        self._apply()

    def _end(self):
        if self:
            # past our own write, which refuses this
            super().write({"active": False})  # pylint: disable=super-method-mismatch
            self.flush_recordset()

    def _apply(self):
        for company, overrides in self.exists().grouped("company_id").items():
            # sudo: users have no rights to write flags; whether they may set an override was checked
            self.env["crm.value.caution"].sudo()._flag(
                company, company._value_today(), SQL("value.id = ANY(%s)", overrides.value_id.ids)
            )

from odoo import api, fields, models
from odoo.exceptions import UserError


class IrActionsServer(models.Model):
    """Lets automations launch a follow-up, on any model that has a customer."""

    _inherit = "ir.actions.server"

    state = fields.Selection(
        selection_add=[("value_followup", "Launch a Follow-up")], ondelete={"value_followup": "cascade"}
    )
    value_followup_rule_id = fields.Many2one("crm.value.followup.rule", string="Follow-up Rule", ondelete="cascade")

    @api.model
    def _warning_depends(self):
        return [*super()._warning_depends(), "value_followup_rule_id"]

    def _get_warning_messages(self):
        warnings = super()._get_warning_messages()
        if self.state == "value_followup" and self.model_id:
            model = self.env.get(self.model_id.model)
            if model is not None and not self.env["crm.value.followup.run"]._customer_path(model):
                warnings.append(self.env._("%(model)s has no customer to follow up.", model=self.model_id.name))
        return warnings

    def _run_action_value_followup_multi(self, eval_context=None):
        """Launch the rule for the customers of the records.

        :raise UserError: the action names no rule
        """
        if not self.value_followup_rule_id:
            raise UserError(self.env._("%(action)s names no follow-up rule.", action=self.name))
        records = (eval_context or {}).get("records") or (eval_context or {}).get("record")
        if records:
            # sudo: whoever may run the action need not manage follow-ups.
            rule = self.value_followup_rule_id.sudo()
            rule.env["crm.value.followup.run"]._launch(rule, records)
        return False

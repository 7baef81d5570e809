from odoo import fields, models


class MailActivity(models.Model):
    _inherit = "mail.activity"

    value_followup_id = fields.Many2one(
        "crm.value.followup", string="Follow-up", ondelete="set null", index="btree_not_null", readonly=True,
        copy=False)

    def write(self, vals):
        result = super().write(vals)
        if "active" in vals:
            self._sync_followups()
        return result

    def unlink(self):
        # sudo: whoever may end an activity need not read follow-ups.
        followup_ids = self.sudo().value_followup_id.ids
        result = super().unlink()
        if followup_ids:
            self.env["crm.value.followup"].sudo()._sync(followup_ids)
        return result

    def _sync_followups(self):
        # sudo: whoever may end an activity need not read follow-ups.
        followup_ids = self.sudo().value_followup_id.ids
        if followup_ids:
            self.env["crm.value.followup"].sudo()._sync(followup_ids)

from odoo import fields, models

from .privacy.field_access import denies


class MailActivity(models.Model):
    _inherit = "mail.activity"

    value_followup_id = fields.Many2one(
        "crm.value.followup", string="Follow-up", ondelete="set null", index="btree_not_null", readonly=True, copy=False
    )

    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and not denies(self, field, operation)

    def write(self, vals):
        result = super().write(vals)
        if "active" in vals:
            self._followups()._sync()
        return result

    def unlink(self):
        followups = self._followups()
        result = super().unlink()
        followups._sync()
        return result

    def _followups(self):
        # sudo: whoever may end an activity need not read follow-ups, and nobody may write them.
        activities = self.sudo().filtered("value_followup_id")
        return activities.value_followup_id | activities.value_followup_id.search(
            [("activity_id", "in", activities.ids), ("state", "=", "open")]
        )

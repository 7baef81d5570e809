from odoo import models

from .followups.crm_value_followup import QUIET


class ResUsers(models.Model):
    _inherit = "res.users"

    def action_archive(self):
        self._value_leave_followups()
        return super().action_archive()

    def unlink(self):
        self._value_leave_followups()
        return super().unlink()

    def _value_leave_followups(self):
        """Take these users off their follow-ups, because Odoo deletes their activities with them.

        The next run gives them to whoever is responsible then.
        """
        # sudo: the activities are on records of any model, and whoever manages users need not see customers.
        activities = (
            self.env["mail.activity"].sudo().search([("user_id", "in", self.ids), ("value_followup_id", "!=", False)])
        )
        if activities:
            activities.with_context(**QUIET).write({"user_id": False})
            self.env.ref("crm_value_addon.ir_cron_followup").sudo()._trigger()

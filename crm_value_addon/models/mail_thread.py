from odoo import models
from odoo.fields import Domain


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    def _search_message_partner_ids(self, operator, operand):
        """Ask about the followers as the user: Odoo asks by sudo, and would tell who follows by figures it hides."""
        if operator in ("any", "any!") and not self.env.su and self.env.user._is_internal():
            operator, operand = "in", self.env["res.partner"].with_context(active_test=False)._search(Domain(operand))
        return super()._search_message_partner_ids(operator, operand)

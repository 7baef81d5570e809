from odoo import api, fields, models


class SmsSms(models.Model):
    """Lets text messages of follow-up rules wait for the company's working hours."""

    _inherit = "sms.sms"

    state = fields.Selection(
        selection_add=[("value_waiting", "Waits for working hours"), ("process",)],
        ondelete={"value_waiting": "set default"},
    )
    value_send_at = fields.Datetime(string="Send from", readonly=True, copy=False, index="btree_not_null")

    @api.model
    def _cron_value_release(self):
        """Hand the messages whose time has come over to Odoo's queue."""
        waiting = self.search([("state", "=", "value_waiting"), ("value_send_at", "<=", fields.Datetime.now())])
        if waiting:
            waiting.state = "outgoing"
            self.env.ref("sms.ir_cron_sms_scheduler_action")._trigger()

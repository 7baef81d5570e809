from odoo import api, models


class EventRegistration(models.Model):
    _inherit = "event.registration"

    @api.model_create_multi
    def create(self, vals_list):
        events = self.env["event.event"].browse([vals["event_id"] for vals in vals_list if vals.get("event_id")])
        events._check_open_to_user()
        return super().create(vals_list)

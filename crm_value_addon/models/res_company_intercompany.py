from odoo import api, fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    value_leave_out_intercompany = fields.Boolean(
        string="Leave Out Own Companies",
        help="Documents for contacts that are companies of this database, this one and its branches included, count "
             "neither for these contacts nor for the company.")

    @api.model
    def _value_setting_fields(self):
        return super()._value_setting_fields() | {"value_leave_out_intercompany"}

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        self.env.registry.clear_cache()
        return companies

    def write(self, vals):
        result = super().write(vals)
        if "value_leave_out_intercompany" in vals:
            self.env.registry.clear_cache()
        return result


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    value_leave_out_intercompany = fields.Boolean(
        related="company_id.value_leave_out_intercompany", readonly=False)

from odoo import api, models


class ResCompany(models.Model):
    _inherit = "res.company"

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        # sudo: whoever may create companies need not write filters.
        self.env["mailing.filter"].sudo()._value_make_ready(companies)
        return companies

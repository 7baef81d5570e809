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


class CrmValueRun(models.Model):
    _inherit = "crm.value.run"

    intercompany_revenue = fields.Monetary(
        string="Revenue with Own Companies", readonly=True,
        help="Left out, as the settings say; with it and the revenue without customer, the customers' revenue is that "
             "of all posted customer documents")


class CrmValue(models.Model):
    _inherit = "crm.value"

    def _read_company(self, run, start):
        result = super()._read_company(run, start)
        if run.company_id.value_leave_out_intercompany:
            [[left_out]] = self.env.execute_query(self.env["crm.value.purchase"]._query_intercompany(run.company_id))
            run.intercompany_revenue = left_out
        return result

    def _documents_domain(self):
        # What an amount opens is what it is made of.
        leaving, own = self.env["crm.value.purchase"]._intercompany_ids()
        domain = super()._documents_domain()
        if self.company_id.id in leaving and self.partner_id.id in own:
            domain = [*domain, ("id", "=", False)]
        return domain

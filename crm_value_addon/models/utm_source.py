from odoo import fields, models


class UtmSource(models.Model):
    _inherit = "utm.source"

    value_acquisition_cost = fields.Float(
        string="Cost per Customer",
        digits=(16, 2),
        company_dependent=True,
        help="What winning a customer through this source costs; counted where the customer value settings say so",
    )

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class CrmValuePurchaseQuarters(models.Model):
    """In which calendar quarters of its life a customer bought: cohorts are read from this, not from invoices."""

    _inherit = "crm.value"

    purchase_quarters = fields.Integer(
        readonly=True, aggregator=None, exportable=False,
        help="As bits: bit n is set where the customer bought in the n-th calendar quarter after its first one.")
    bought_in_quarter = fields.Integer(
        string="Bought in Quarter (0 = First)", store=False, search="_search_bought_in_quarter", exportable=False,
        help="To search only: 0 is the calendar quarter of the first purchase, 1 the next one, up to 30.")

    @api.model
    def _refreshed_fields(self):
        return [*super()._refreshed_fields(), "purchase_quarters"]

    def _search_bought_in_quarter(self, operator, numbers):
        if operator != "in":
            return NotImplemented
        mask = sum(1 << int(number) for number in numbers if 0 <= int(number) <= 30)
        return Domain.custom(to_sql=lambda model, alias, query: SQL(
            "%s & %s <> 0", SQL.identifier(alias, "purchase_quarters"), mask))

from odoo import fields, models


class CrmValueHoliday(models.Model):
    """A day on which customers of a country are greeted."""

    _name = "crm.value.holiday"
    _description = "Holiday of Customers"
    _order = "date, id"

    name = fields.Char(required=True, translate=True, help="What {detail} says in a rule's texts")
    date = fields.Date(required=True, help="Of one that recurs each year: the first that counts")
    is_yearly = fields.Boolean(
        string="Each Year", help="On the same day of each year. One that moves has a line for each year."
    )
    country_id = fields.Many2one("res.country", ondelete="cascade", help="Empty: the customers of all countries")
    active = fields.Boolean(default=True)

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools.sql import SQL


class CrmValueFeedbackKind(models.Model):
    """A kind of feedback and what one item of it is worth."""

    _name = "crm.value.feedback.kind"
    _description = "Feedback Kind"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=100)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", index="btree_not_null", help="Empty for all companies")
    source = fields.Selection(
        [("manual", "Entered by hand"), ("rating", "Ratings"), ("survey", "Survey answers")],
        default="manual",
        required=True,
        help="Ratings and survey answers are counted by themselves where their apps are installed.",
    )
    nature = fields.Selection(
        [("note", "A note"), ("idea", "An idea to answer"), ("complaint", "A complaint to solve")],
        string="Is",
        default="note",
        required=True,
        help="Ideas and complaints are open until somebody answers them. Whoever has an open complaint is not loyal.",
    )
    answer_days = fields.Integer(
        string="Answer within (days)", default=3, help="What the deadline of an idea or a complaint is set to"
    )
    amount = fields.Float(
        string="Worth of One Item",
        digits=(16, 2),
        help="Contribution of one item, in the currency of each company; 0: not counted",
    )

    @api.constrains("amount", "answer_days")
    def _check_amount(self):
        for kind in self:
            if not 0 <= kind.answer_days <= 3650:
                raise ValidationError(self.env._("An answer takes between 0 and 3650 days."))
            if kind.amount < 0:
                raise ValidationError(self.env._("The worth of an item of feedback cannot be negative."))

    @api.model_create_multi
    def create(self, vals_list):
        kinds = super().create(vals_list)
        kinds._request_refresh()
        return kinds

    def write(self, vals):
        result = super().write(vals)
        if not {"amount", "active", "source", "company_id"}.isdisjoint(vals):
            self._request_refresh()
        return result

    def _request_refresh(self):
        """Ask for a refresh where values were computed before: what an item is worth concerns every customer."""
        if not any(kind.amount for kind in self.with_context(active_test=False)) and not self._has_value_anywhere():
            return
        for company in self.company_id or self.env["res.company"].sudo().search([]):
            self.env["crm.value.run"]._request(company)

    @api.model
    def _has_value_anywhere(self):
        [[found]] = self.env.execute_query(SQL("SELECT EXISTS (SELECT FROM crm_value WHERE knowledge_value != 0)"))
        return found

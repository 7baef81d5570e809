from odoo import api, fields, models
from odoo.exceptions import ValidationError


class AccountJournal(models.Model):
    """Says whether the customer documents of a journal are sales."""

    _inherit = "account.journal"

    value_counting = fields.Selection(
        [("counts", "Sales"), ("receivables", "Receivables only"), ("nothing", "Nothing")],
        string="Counts as",
        default="counts",
        required=True,
        help="What the journal's customer documents are for the value of customers. Receivables only: opening items or "
        "interest, which may be overdue, but are no purchase and no revenue. Nothing: they are not looked at at all.",
    )

    @api.constrains("value_counting", "type")
    def _check_value_counting(self):
        for journal in self:
            if journal.value_counting != "counts" and journal.type != "sale":
                raise ValidationError(
                    self.env._(
                        "%(journal)s holds no customer documents: what it counts as is asked of sales journals only.",
                        journal=journal.name,
                    )
                )

    def write(self, vals):
        changed = self.filtered(
            lambda journal: "value_counting" in vals and journal.value_counting != vals["value_counting"]
        )
        result = super().write(vals)
        if changed:
            self.env["crm.value.counting"]._on_journals(changed.company_id)
        return result

from odoo import api, fields, models
from odoo.tools import SQL

#: what no user writes: the machine asks, and the amounts are those of that day
_DECIDED = ("revenue_lost", "value_lost", "followup_id", "cause")


class CrmValueDeparture(models.Model):
    """A customer that left, or is about to, and why: asked once for each silence, answered by whoever spoke with it.

    How to use: `_ask_after` when follow-ups were done, `_ask` for customers whose relationship broke off; people note
    others themselves.

    How it works: a question is a row without a reason. What is lost is written when the row is made, so that a report
    stays what it was: the revenue of a year while the customer bought, and what its return would bring in a year
    (`crm.value.followup.due`).
    """

    _name = "crm.value.departure"
    _inherit = ["mail.thread"]
    _description = "Customer That Left"
    _order = "date desc, id desc"
    _rec_name = "partner_id"

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(
        "res.company", required=True, ondelete="cascade", index=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    date = fields.Date(required=True, default=lambda self: self.env.company._value_today())
    cause = fields.Selection(
        [
            ("lost", "Lost"),
            ("at_risk", "At risk"),
            ("tier_lost", "Tier lost"),
            ("broken_off", "Relationship broken off"),
            ("noted", "Noted by hand"),
        ],
        string="Asked because",
        default="noted",
        required=True,
        readonly=True,
    )
    reason_id = fields.Many2one(
        "crm.value.leaving.reason",
        ondelete="restrict",
        index="btree_not_null",
        tracking=True,
        domain="[('company_id', 'in', [False, company_id])]",
    )
    origin = fields.Selection(related="reason_id.origin")
    competitor = fields.Char(help="Whom the customer buys from now")
    note = fields.Text(string="What They Said")
    user_id = fields.Many2one(
        "res.users",
        string="Asked by",
        default=lambda self: self.env.user,
        index="btree_not_null",
        domain="[('share', '=', False)]",
    )
    followup_id = fields.Many2one(
        "crm.value.followup", string="Follow-up", ondelete="set null", index="btree_not_null", readonly=True
    )
    revenue_lost = fields.Monetary(readonly=True, help="Revenue of a year while the customer bought, untaxed")
    value_lost = fields.Monetary(
        readonly=True,
        groups="crm_value_addon.group_value_margin",
        help="What the customer would bring in a year if it came back",
    )

    # asking

    @api.model
    def _ask_after(self, followups):
        """Ask why customers left whose follow-up of such a rule was done."""
        Trigger = self.env["crm.value.followup.trigger"]
        asking = {}
        for followup in followups.sudo():  # sudo: whoever ends an activity need not read follow-ups
            cause = Trigger._leaving_cause(followup.rule_id)
            if cause:
                asking.setdefault(followup.value_id, (cause, followup))
        self._ask({(value.partner_id, value.company_id): told for value, told in asking.items()})

    @api.model
    def _ask(self, cause_of):
        """Ask why customers left, once for each silence.

        :param cause_of: dict of (customer, company) → (cause, follow-up)
        """
        # sudo: the question is put to whoever did it, and nobody writes why it is put
        records = self.sudo()
        partners = self.env["res.partner"].union(*(customer for customer, _company in cause_of))
        values = self.env["crm.value"].sudo().search([("partner_id", "in", partners.ids)])
        bought = {(value.partner_id, value.company_id): value.last_purchase_date for value in values}
        known = {
            (one.partner_id, one.company_id)
            for one in records.search([("partner_id", "in", partners.ids)])
            if not one.reason_id or one.date >= (bought.get((one.partner_id, one.company_id)) or one.date)
        }
        records.create(
            [
                {
                    "partner_id": customer.id,
                    "company_id": company.id,
                    "date": company._value_today(),
                    "cause": cause,
                    "followup_id": followup.id,
                    "user_id": self.env.uid,
                }
                for (customer, company), (cause, followup) in cause_of.items()
                if (customer, company) not in known and not customer.sudo().value_opt_out
            ]
        )

    # writing

    def _has_field_access(self, field, operation):
        is_kept = operation == "write" and field.name in _DECIDED
        return super()._has_field_access(field, operation) and (self.env.su or not is_kept)

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            partner = self.env["res.partner"].browse(vals.get("partner_id"))
            vals["partner_id"] = partner.sudo().commercial_partner_id.id  # sudo: reads the key only
        leaving = super().create(vals_list)
        leaving._note_losses()
        return leaving

    def write(self, vals):
        result = super().write(vals)
        if not {"partner_id", "company_id"}.isdisjoint(vals):
            self._note_losses()
        return result

    def _note_losses(self):
        """Write what these customers brought in a year, and would bring again."""
        self.flush_recordset()
        Due = self.env["crm.value.followup.due"]
        for company, leaving in self.grouped("company_id").items():
            decimals = company.sudo().currency_id.decimal_places  # sudo: whoever notes it may not read the company
            self.env.cr.execute(
                SQL(
                    """UPDATE crm_value_departure leaving SET revenue_lost = round((%s)::numeric, %s),
                              value_lost = round((%s)::numeric, %s)
                         FROM crm_value value
                        WHERE value.partner_id = leaving.partner_id AND value.company_id = leaving.company_id
                          AND leaving.id = ANY(%s)""",
                    Due._yearly_revenue_to_sql(),
                    decimals,
                    Due._worth_of_return_to_sql(),
                    decimals,
                    leaving.ids,
                )
            )
        self.invalidate_recordset(["revenue_lost", "value_lost"])

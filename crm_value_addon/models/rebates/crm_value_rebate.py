from dateutil.relativedelta import relativedelta

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, format_date


class CrmValueRebate(models.Model):
    """What customers of a tier get back of a year, or a quarter: a share of their qualifying amount, by steps.

    How to use: `_select_due` says what customers have earned until a day, which the report of what is owed accrues;
    `action_settle` drafts the credit notes of the last period that is over.

    How it works: what is due is computed from the documents each time. A settlement is what is due of all periods that
    are over, less what was settled of them, so that nothing is settled twice, and a return that comes after a
    settlement lowers the next one. The credit note has one line of the rebate's product: an allowance without weight
    for tiers (`crm.value.line.kind`, `crm.value.counting`).
    """

    _name = "crm.value.rebate"
    _description = "Rebate of a Tier"
    _order = "company_id, tier_id, id"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, ondelete="cascade", index=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    tier_id = fields.Many2one(
        "crm.value.tier",
        required=True,
        ondelete="restrict",
        index=True,
        domain="['|', ('company_id', '=', False), ('company_id', 'parent_of', company_id)]",
        help="Customers who have this tier when the rebate is settled",
    )
    period = fields.Selection([("12", "Year"), ("3", "Quarter")], default="12", required=True)
    date_from = fields.Date(
        string="From",
        required=True,
        default=lambda self: self.env.company._value_today().replace(month=1, day=1),
        help="The first day of the first period",
    )
    step_ids = fields.One2many("crm.value.rebate.step", "rebate_id", string="Steps", copy=True)
    product_id = fields.Many2one(
        "product.product",
        string="Product on the Credit Note",
        required=True,
        ondelete="restrict",
        index=True,
        domain="[('type', '=', 'service')]",
        help="A service of its own: what is credited with it lowers the margin, and counts for no tier",
    )
    settlement_ids = fields.One2many("crm.value.rebate.settlement", "rebate_id", string="Settlements", readonly=True)

    @api.constrains("date_from")
    def _check_date(self):
        for rebate in self:
            if rebate.date_from.day != 1:
                raise ValidationError(
                    self.env._("%(rebate)s: a period begins on the first day of a month.", rebate=rebate.name)
                )

    @api.constrains("product_id")
    def _check_product(self):
        for rebate in self:
            if rebate.product_id.type != "service":
                raise ValidationError(
                    self.env._("%(product)s is no service: goods would come back.", product=rebate.product_id.name)
                )

    @api.constrains("step_ids", "company_id")
    def _check_steps(self):
        for rebate in self:
            # sudo: whoever sets a rebate up is told of the margin rate of the settings
            margin = 100 * rebate.company_id.sudo().value_margin_rate
            amounts = rebate.step_ids.mapped("amount_from")
            if not amounts:
                raise ValidationError(self.env._("%(rebate)s has no step.", rebate=rebate.name))
            if len(set(amounts)) < len(amounts):
                raise ValidationError(self.env._("%(rebate)s: two steps begin at the same amount.", rebate=rebate.name))
            for step in rebate.step_ids:
                if not 0 <= step.percent <= 100 or not 0 <= step.amount_from < 9e13:
                    raise ValidationError(
                        self.env._("%(rebate)s: a step begins at 0 or more, and gives 0 to 100 %%.", rebate=rebate.name)
                    )
                if step.percent > margin:
                    raise ValidationError(
                        self.env._(
                            "%(rebate)s: %(percent)s %% is more than the margin of %(margin)s %% in the settings.",
                            rebate=rebate.name,
                            percent=step.percent,
                            margin=round(margin, 1),
                        )
                    )

    @api.model_create_multi
    def create(self, vals_list):
        rebates = super().create(vals_list)
        rebates._mark_products()
        return rebates

    def write(self, vals):
        result = super().write(vals)
        if "product_id" in vals:
            self._mark_products()
        return result

    def _mark_products(self):
        # sudo: who sets a rebate up need not manage products
        self.product_id.product_tmpl_id.sudo().filtered(
            lambda template: not template.value_not_for_tiers
        ).value_not_for_tiers = True

    # what is due

    def _period_of(self, day):
        """Return the first day of the period of a day, and the one of the next period."""
        months = int(self.period)
        passed = (day.year - self.date_from.year) * 12 + day.month - self.date_from.month
        start = self.date_from + relativedelta(months=passed // months * months)
        return start, start + relativedelta(months=months)

    def _select_due(self, until, where=None):
        """Return the SELECT of what customers earned: rebate_id, partner_id, period_from, qualifying, amount.

        :param SQL until: documents until this day count, the day included; it may be a column of an outer query
        :param SQL where: a condition on ``rebate``
        """
        Purchase = self.env["crm.value.purchase"]
        return SQL(
            """
            SELECT sold.rebate_id, sold.partner_id, sold.period_from, sold.qualifying,
                   round(GREATEST(sold.qualifying, 0) * COALESCE((
                         SELECT step.percent FROM crm_value_rebate_step step
                          WHERE step.rebate_id = sold.rebate_id AND step.amount_from <= sold.qualifying
                          ORDER BY step.amount_from DESC LIMIT 1), 0)::numeric / 100, 2) AS amount
              FROM (SELECT rebate.id AS rebate_id, move.commercial_partner_id AS partner_id, span.period_from,
                           sum(COALESCE(document.qualifying, document.purchase_revenue))::numeric AS qualifying
                      FROM crm_value_rebate rebate
                      JOIN crm_value value ON value.tier_id = rebate.tier_id AND value.company_id = rebate.company_id
                      JOIN account_move move ON move.commercial_partner_id = value.partner_id
                                            AND move.company_id = rebate.company_id
                      JOIN crm_value_document document ON document.move_id = move.id
                      JOIN LATERAL (
                           SELECT (rebate.date_from + make_interval(months =>
                                   (((extract(year FROM sold_on) - extract(year FROM rebate.date_from)) * 12
                                     + extract(month FROM sold_on) - extract(month FROM rebate.date_from))::int
                                    / rebate.period::int) * rebate.period::int))::date AS period_from
                             FROM (SELECT COALESCE(move.invoice_date, move.date) AS sold_on) day) span ON TRUE
                     WHERE rebate.active AND COALESCE(move.invoice_date, move.date) BETWEEN rebate.date_from AND %s
                       AND %s AND %s
                     GROUP BY rebate.id, move.commercial_partner_id, span.period_from) sold
            """,
            until,
            Purchase._where_document("move"),
            where or SQL("TRUE"),
        )

    def _select_settled(self):
        """Return the SELECT of what was settled, by documents that are not cancelled: rebate_id, partner_id, amount,
        noted_on (the day of the credit note; of a draft, the day on which it was drafted)."""
        return SQL(
            """
            SELECT settlement.rebate_id, settlement.partner_id, settlement.amount::numeric AS amount,
                   COALESCE(note.invoice_date, settlement.drafted_on) AS noted_on
              FROM crm_value_rebate_settlement settlement JOIN account_move note ON note.id = settlement.move_id
             WHERE note.state != 'cancel'
            """
        )

    # settling

    def action_settle(self):
        """Draft the credit notes of all periods that are over, and show them.

        :raise AccessError: the user may not change rebates, or not make credit notes
        :raise UserError: no period is over yet, or nothing is due
        """
        self.ensure_one()
        self.check_access("write")
        self.env["account.move"].check_access("create")
        self.lock_for_update()
        period_from, _next = self._period_of(self.company_id._value_today())
        if period_from <= self.date_from:
            raise UserError(
                self.env._(
                    "The first period of %(rebate)s ends on %(day)s.",
                    rebate=self.name,
                    day=format_date(self.env, _next - relativedelta(days=1)),
                )
            )
        until = period_from - relativedelta(days=1)
        moves = self.env["account.move"].create(
            [self._prepare_note(partner, amount, until) for partner, amount in self._find_unsettled(until)]
        )
        if not moves:
            raise UserError(self.env._("Nothing is due that is not settled."))
        # sudo: nobody writes settlements but this
        self.env["crm.value.rebate.settlement"].sudo().create(
            [
                {
                    "rebate_id": self.id,
                    "partner_id": move.commercial_partner_id.id,
                    "date": until,
                    "drafted_on": self.company_id._value_today(),
                    "amount": move.amount_untaxed,
                    "move_id": move.id,
                }
                for move in moves
            ]
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Rebates"),
            "res_model": "account.move",
            "views": [(self.env.ref("account.view_out_credit_note_tree").id, "list"), (False, "form")],
            "domain": [("id", "in", moves.ids)],
            "context": {"create": False, "default_move_type": "out_refund"},
        }

    def _find_unsettled(self, until):
        """Return what is due until a day and not settled: a list of (customer, amount), above 0."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
            SELECT due.partner_id, due.amount - COALESCE(settled.amount, 0)
              FROM (SELECT partner_id, sum(amount) AS amount FROM (%s) due GROUP BY partner_id) due
              LEFT JOIN (SELECT partner_id, sum(amount) AS amount FROM (%s) settled
                          WHERE rebate_id = %s GROUP BY partner_id) settled ON settled.partner_id = due.partner_id
             WHERE due.amount - COALESCE(settled.amount, 0) > 0 ORDER BY due.partner_id
            """,
                self._select_due(SQL("%s::date", until), SQL("rebate.id = %s", self.id)),
                self._select_settled(),
                self.id,
            )
        )
        return [(self.env["res.partner"].browse(partner_id), float(amount)) for partner_id, amount in rows]

    def _prepare_note(self, partner, amount, until):
        return {
            "move_type": "out_refund",
            "partner_id": partner.id,
            "company_id": self.company_id.id,
            "currency_id": self.currency_id.id,
            "ref": self.env._("%(rebate)s until %(day)s", rebate=self.name, day=format_date(self.env, until)),
            "invoice_line_ids": [
                Command.create({"product_id": self.product_id.id, "name": self.name, "price_unit": amount})
            ],
        }

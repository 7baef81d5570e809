from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

#: states in which a case waits for somebody
OPEN = ("open", "progress")
#: what no user writes, because an action or a rule decides it
_DECIDED = ("closed_date", "days_to_answer", "goodwill_id", "customer_id")
#: figures of a customer that a report adds up once, however often that customer spoke
_WORTH = ("customer_revenue_12m", "customer_clv")


class CrmValueFeedback(models.Model):
    """What a customer told the company: a note, an idea that waits for an answer, or a complaint that is a case.

    How to use: a kind says which of the three it is. A complaint and an idea have somebody responsible and a deadline;
    they are open until they are done or declined.

    How it works: an open complaint is counted by the refresh (`_select_open_complaints`), and whoever opens or closes
    one has the customer refreshed at once. Reports add up what the customers are worth once per customer
    (`_read_group_select`).
    """

    _name = "crm.value.feedback"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _description = "Customer Feedback"
    _order = "date desc, id desc"
    _rec_name = "description"

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", index=True)
    customer_id = fields.Many2one(
        related="partner_id.commercial_partner_id",
        string="Company of the Customer",
        store=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(
        "res.company", required=True, ondelete="cascade", index=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    kind_id = fields.Many2one(
        "crm.value.feedback.kind",
        required=True,
        ondelete="restrict",
        index=True,
        tracking=True,
        domain="[('source', '=', 'manual'), ('company_id', 'in', [False, company_id])]",
    )
    nature = fields.Selection(related="kind_id.nature")
    date = fields.Date(required=True, default=lambda self: self.env.company._value_today())
    description = fields.Char(required=True, help="What was said, and what came of it")

    # the case
    state = fields.Selection(
        [
            ("noted", "Noted"),
            ("open", "Open"),
            ("progress", "In progress"),
            ("done", "Done"),
            ("declined", "Declined"),
        ],
        compute="_compute_state",
        store=True,
        readonly=False,
        precompute=True,
        tracking=True,
        group_expand=True,
    )
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        compute="_compute_user_id",
        store=True,
        readonly=False,
        precompute=True,
        tracking=True,
        index="btree_not_null",
        domain="[('share', '=', False)]",
    )
    deadline = fields.Date(
        compute="_compute_deadline",
        store=True,
        readonly=False,
        precompute=True,
        tracking=True,
        help="By this day the customer has an answer",
    )
    cause_id = fields.Many2one(
        "crm.value.feedback.cause",
        ondelete="restrict",
        index="btree_not_null",
        tracking=True,
        domain="[('company_id', 'in', [False, company_id])]",
    )
    order_id = fields.Many2one(
        "sale.order",
        ondelete="set null",
        index="btree_not_null",
        domain="[('partner_id', 'child_of', customer_id), ('company_id', '=', company_id)]",
    )
    invoice_id = fields.Many2one(
        "account.move",
        ondelete="set null",
        index="btree_not_null",
        domain="[('commercial_partner_id', '=', customer_id), ('company_id', '=', company_id), "
        "('move_type', 'in', ('out_invoice', 'out_refund', 'out_receipt'))]",
    )
    promised = fields.Text(help="What the customer was promised")
    solution = fields.Text(string="What Was Done")
    answer = fields.Text(help="What the customer was told in the end")
    closed_date = fields.Date(string="Answered on", compute="_compute_closed_date", store=True, readonly=True)
    days_to_answer = fields.Integer(
        compute="_compute_days_to_answer",
        store=True,
        aggregator="avg",
        help="From the day it was said to the day it was done or declined; the mean is of those that are answered",
    )
    goodwill_id = fields.Many2one(
        "crm.value.grant", string="Goodwill Coupon", ondelete="set null", readonly=True, copy=False
    )
    can_give_goodwill = fields.Boolean(compute="_compute_can_give_goodwill")

    # what the customers are worth
    customer_revenue_12m = fields.Monetary(
        string="Revenue 12 Months of the Customer",
        compute="_compute_worth",
        aggregator="sum",
        help="In reports each customer counts once, however often it spoke",
    )
    customer_clv = fields.Monetary(
        string="CLV of the Customer",
        compute="_compute_worth",
        aggregator="sum",
        groups="crm_value_addon.group_value_margin",
        help="In reports each customer counts once, however often it spoke",
    )

    _open_idx = models.Index("(company_id, customer_id) WHERE state IN ('open', 'progress')")

    @api.constrains("order_id", "invoice_id", "partner_id", "company_id")
    def _check_documents(self):
        # sudo: whoever notes a complaint need not be allowed to read the document it is about
        for feedback in self.sudo():
            customer, company = feedback.partner_id.commercial_partner_id, feedback.company_id
            for document in filter(None, (feedback.order_id, feedback.invoice_id)):
                if document.partner_id.commercial_partner_id != customer or document.company_id != company:
                    raise ValidationError(
                        self.env._(
                            "%(document)s is no document of %(customer)s in %(company)s.",
                            document=document.display_name,
                            customer=customer.display_name,
                            company=company.name,
                        )
                    )

    # the case

    @api.depends("kind_id")
    def _compute_state(self):
        """A note asks for nothing; what becomes a case opens."""
        for feedback in self:
            if feedback.kind_id.nature in (False, "note"):
                feedback.state = "noted"
            elif not feedback.state or feedback.state == "noted":
                feedback.state = "open"

    @api.depends("cause_id")
    def _compute_user_id(self):
        for feedback in self:
            feedback.user_id = feedback.cause_id.user_id or feedback.user_id or self.env.user

    @api.depends("kind_id", "date")
    def _compute_deadline(self):
        for feedback in self:
            if feedback.kind_id.nature in (False, "note"):
                feedback.deadline = False
            elif not feedback.deadline:
                feedback.deadline = fields.Date.add(feedback.date, days=feedback.kind_id.answer_days)

    @api.depends("state")
    def _compute_closed_date(self):
        for feedback in self:
            is_closed = feedback.state in ("done", "declined")
            feedback.closed_date = (feedback.closed_date or feedback.company_id._value_today()) if is_closed else False

    @api.depends("closed_date", "date")
    def _compute_days_to_answer(self):
        for feedback in self:
            closed = feedback.closed_date
            feedback.days_to_answer = max((closed - feedback.date).days, 0) if closed and feedback.date else 0

    @api.depends("goodwill_id", "nature", "company_id")
    def _compute_can_give_goodwill(self):
        for feedback in self:
            # sudo: whether there is a program is no secret
            has_program = feedback.company_id.sudo().value_goodwill_program_id
            is_complaint = feedback.nature == "complaint" and feedback.id
            feedback.can_give_goodwill = bool(has_program and is_complaint and not feedback.goodwill_id)

    # what the customers are worth

    @api.depends("customer_id", "company_id")
    def _compute_worth(self):
        values = self.env["crm.value"].search_fetch(
            [("partner_id", "in", self.customer_id.ids), ("company_id", "in", self.company_id.ids)]
        )
        value_of = {(value.partner_id, value.company_id): value for value in values}
        # sudo: the fields have the groups of the figures that they show
        for feedback in self:
            value = value_of.get((feedback.customer_id, feedback.company_id), values.browse()).sudo()
            feedback.customer_revenue_12m, feedback.customer_clv = value.revenue_12m, value.clv

    def _read_group_select(self, aggregate_spec, query):
        """Add up what customers are worth once for each of them; leave what is not answered out of the mean."""
        name, _colon, function = aggregate_spec.partition(":")
        if name in _WORTH and function in ("sum", "sum_currency"):
            self._check_field_access(self._fields[name], "read")
            return SQL(
                """(SELECT COALESCE(sum(%(figure)s / %(rate)s), 0)
                      FROM unnest(array_agg(DISTINCT %(key)s)) AS involved(key)
                      JOIN crm_value worth ON worth.partner_id = (involved.key >> 32)::int
                       AND worth.company_id = (involved.key & 2147483647)::int)""",
                figure=SQL.identifier("worth", name.removeprefix("customer_")),
                # pivot and graph ask for one currency, that of the company that is looked from
                rate=self._rate_to_sql() if function == "sum_currency" else SQL("1"),
                key=SQL(
                    "(%s::int8 << 32) + %s",
                    SQL.identifier(self._table, "customer_id"),
                    SQL.identifier(self._table, "company_id"),
                ),
            )
        if aggregate_spec == "days_to_answer:avg":
            return SQL(
                "%s FILTER (WHERE %s IS NOT NULL)",
                super()._read_group_select(aggregate_spec, query),
                SQL.identifier(self._table, "closed_date"),
            )
        return super()._read_group_select(aggregate_spec, query)

    def _rate_to_sql(self):
        """Return the rate of today of the currency of the company of ``worth``, as Odoo's `sum_currency` takes it."""
        return SQL(
            """COALESCE((SELECT rate.rate FROM res_currency_rate rate
                           JOIN res_company of_worth ON of_worth.currency_id = rate.currency_id
                          WHERE of_worth.id = worth.company_id
                            AND (rate.company_id IS NULL OR rate.company_id = %(company)s)
                          ORDER BY rate.company_id, CASE WHEN rate.name <= %(today)s THEN rate.name END DESC,
                                   CASE WHEN rate.name > %(today)s THEN rate.name END LIMIT 1), 1)""",
            company=self.env.company.root_id.id,
            today=fields.Date.context_today(self),
        )

    # writing

    def _has_field_access(self, field, operation):
        is_kept = operation == "write" and field.name in _DECIDED
        return super()._has_field_access(field, operation) and (self.env.su or not is_kept)

    @api.model_create_multi
    def create(self, vals_list):
        feedback = super().create(vals_list)
        self._follow(feedback._open_customers())
        return feedback

    def write(self, vals):
        if {"state", "kind_id", "partner_id", "company_id"}.isdisjoint(vals):
            return super().write(vals)
        before = self._open_customers()
        result = super().write(vals)
        self._follow(before ^ self._open_customers())
        return result

    def unlink(self):
        before = self._open_customers()
        result = super().unlink()
        self._follow(before)
        return result

    def _open_customers(self):
        """Return the complaints among these that are open: a set of (id, customer, company)."""
        return {
            (feedback.id, feedback.customer_id, feedback.company_id)
            for feedback in self
            if feedback.nature == "complaint" and feedback.state in OPEN
        }

    @api.model
    def _follow(self, changed):
        """Refresh the customers whose complaints were opened or closed."""
        customers_of = {}
        for _id, customer, company in changed:
            customers_of[company] = customers_of.get(company, self.env["res.partner"]) | customer
        for company, customers in customers_of.items():
            # sudo: the figures follow, whoever notes a complaint
            self.env["crm.value.scheduler"].sudo()._refresh_or_enqueue(customers.sudo(), company.sudo())

    @api.model
    def _select_open_complaints(self, basis):
        """Return the SELECT of (partner_id, complaints) of the customers with an open complaint."""
        self.flush_model()
        return SQL(
            """SELECT feedback.customer_id::int4, count(*)::int4
                 FROM crm_value_feedback feedback JOIN crm_value_feedback_kind kind ON kind.id = feedback.kind_id
                WHERE feedback.state IN %s AND kind.nature = 'complaint' AND feedback.company_id = %s
                  AND feedback.customer_id IS NOT NULL AND %s
                GROUP BY 1""",
            OPEN,
            basis.company.id,
            basis.where(SQL("feedback.customer_id")),
        )

    # actions

    def action_give_goodwill(self):
        """Give the customer the company's goodwill coupon for this complaint, within the allowance of the user.

        :return: action that tells the user
        :raise AccessError: the user may not change this complaint
        :raise UserError: the allowance is used up, or there is no coupon to give
        """
        self.ensure_one()
        self.check_access("write")
        self.env["crm.value.goodwill"]._give(self)
        return self.env["crm.value"]._notification(self.env._("The customer gets a coupon."))

    def action_close(self):
        """Close these cases as done.

        :raise AccessError: the user may not change them
        :raise UserError: nobody wrote what was done
        """
        self.check_access("write")
        for feedback in self.filtered(lambda one: one.state in OPEN):
            if not (feedback.solution or feedback.answer):
                raise UserError(
                    self.env._(
                        "Write what was done, or what the customer was told: %(what)s", what=feedback.description
                    )
                )
            feedback.state = "done"

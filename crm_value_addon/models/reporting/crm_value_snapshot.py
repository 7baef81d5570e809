from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from ...const import MARGIN_GROUP

#: customers per snapshot transaction; their rows stay locked until it commits
_BATCH = 10_000


class CrmValueSnapshot(models.Model):
    """What a customer was worth at the end of a month: as of the first refresh of all customers on or after it.

    How it works: once a month, the refresh of all customers takes a snapshot of each, in batches, and goes on with it
    where an earlier one was interrupted. Which figures are kept, the fields of `crm.value` say themselves.
    """

    _name = "crm.value.snapshot"
    _description = "Customer Value at the Month's End"
    _log_access = False
    _order = "as_of_date desc, id desc"
    _rec_name = "as_of_date"

    value_id = fields.Many2one("crm.value", string="Customer Value", required=True, ondelete="cascade", readonly=True)
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    partner_id = fields.Many2one(related="value_id.partner_id", string="Customer")
    user_id = fields.Many2one(related="value_id.partner_id.user_id", string="Salesperson")
    team_id = fields.Many2one(related="value_id.partner_id.user_id.sale_team_id", string="Sales Team")
    country_id = fields.Many2one(related="value_id.partner_id.country_id")
    first_purchase_date = fields.Date(related="value_id.first_purchase_date", string="First Purchase")
    source_id = fields.Many2one(
        "utm.source",
        string="Acquired through",
        ondelete="set null",
        readonly=True,
        help="Source of the customer's first won opportunity",
    )
    as_of_date = fields.Date(string="As of", required=True, readonly=True)
    clv = fields.Monetary(string="CLV", readonly=True, groups=MARGIN_GROUP)
    equity = fields.Monetary(
        readonly=True, groups=MARGIN_GROUP, help="CLV without the referral value: each euro is counted once"
    )
    transaction_value = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    growth_value = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    referral_value = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    knowledge_value = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    service_cost = fields.Monetary(string="Expected Cost to Serve", readonly=True, groups=MARGIN_GROUP)
    realised_value = fields.Monetary(readonly=True, groups=MARGIN_GROUP)
    revenue_12m = fields.Monetary(string="Revenue 12 Months", readonly=True)
    probability_alive = fields.Float(string="Likely Active", readonly=True, aggregator="avg")
    expected_purchases = fields.Float(readonly=True, digits=(16, 2))
    expected_spend = fields.Monetary(readonly=True, aggregator="avg")
    satisfaction = fields.Float(readonly=True, digits=(16, 2), aggregator="avg")
    is_rhythm_kept = fields.Boolean(
        string="Rhythm Kept", readonly=True, help="Empty for customers whose strategy names no rhythm"
    )
    rhythm_rate = fields.Float(
        string="Rhythm Kept (%)",
        compute="_compute_rhythm_rate",
        digits=(16, 1),
        aggregator="avg",
        exportable=False,
        help="Of the customers whose strategy names a rhythm, those who were contacted in time",
    )
    tier_id = fields.Many2one("crm.value.tier", ondelete="set null", readonly=True)
    lifecycle_stage = fields.Selection(
        selection=lambda self: self.env["crm.value"]._fields["lifecycle_stage"]._description_selection(self.env),
        string="Lifecycle",
        readonly=True,
    )
    method = fields.Selection(
        selection=lambda self: self.env["crm.value"]._fields["method"]._description_selection(self.env),
        string="Computed from",
        readonly=True,
    )
    is_reconstructed = fields.Boolean(
        string="Reconstructed",
        readonly=True,
        help="Computed after the first refresh, from the documents up to that day: the value is that of the 12 months "
        "before carried forward, the tier follows from the rules of the day of the reconstruction.",
    )
    fit_id = fields.Many2one("crm.value.fit", string="Prediction Model", ondelete="set null", readonly=True)

    _value_date_uniq = models.Constraint("UNIQUE(value_id, as_of_date)", "A customer has one snapshot a day.")
    _company_date_index = models.Index("(company_id, as_of_date)")

    def init(self):
        self.env["crm.value.sum"]._watch(self._table)

    @api.depends("as_of_date")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for snapshot in self:
            snapshot.display_name = format_date(self.env, snapshot.as_of_date) or ""

    @api.depends("is_rhythm_kept")
    def _compute_rhythm_rate(self):
        for snapshot in self:
            snapshot.rhythm_rate = 100.0 * snapshot.is_rhythm_kept

    # totals

    def _read_group_select(self, aggregate_spec, query):
        if aggregate_spec == "rhythm_rate:avg":
            is_kept = SQL.identifier(self._table, "is_rhythm_kept")
            return SQL("100.0 * count(*) FILTER (WHERE %s) / NULLIF(count(%s), 0)", is_kept, is_kept)
        return super()._read_group_select(aggregate_spec, query)

    @api.model
    def _read_group(self, domain, groupby=(), aggregates=(), having=(), offset=0, limit=None, order=None):
        return super()._read_group(
            self._latest_of_each(domain, groupby), groupby, aggregates, having, offset, limit, order
        )

    @api.model
    def _read_grouping_sets(self, domain, grouping_sets, aggregates=(), order=None):
        """Each grouping goes by its own last month ends, so they are read one by one."""
        rows = []
        for groupby in grouping_sets:
            terms = [term.strip().split(" ")[0] for term in (order or "").split(",")]
            own_order = order if order and all(term in groupby for term in terms) else None
            latest = self._latest_of_each(domain, groupby)
            rows += super()._read_grouping_sets(latest, [groupby], aggregates, own_order)
        return rows

    @api.model
    def _latest_of_each(self, domain, groupby):
        """Add to a domain that only the last month end of a company counts in each period that rows are grouped by.

        What customers are worth at a month's end is a stock: it does not add up over months, the last one holds.
        """
        spans = [spec.partition(":")[2] or "month" for spec in groupby if spec.partition(":")[0] == "as_of_date"]
        if any(span not in ("quarter", "year") for span in spans):
            return domain
        company, day = SQL.identifier(self._table, "company_id"), SQL.identifier(self._table, "as_of_date")
        query = self._search(domain)
        query.groupby = company
        if spans:
            span = "quarter" if "quarter" in spans else "year"
            query.groupby = SQL("%s, date_trunc(%s, %s::timestamp)", company, span, day)
        query.order = None
        latest = query.select(company, SQL("max(%s)", day))
        return Domain(domain) & Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "(%s, %s) IN (%s)",
                SQL.identifier(alias, "company_id"),
                SQL.identifier(alias, "as_of_date"),
                latest,
            )
        )

    @api.model
    def _month_end(self, as_of):
        """Return the last end of a month up to a day.

        >>> from datetime import date
        >>> [CrmValueSnapshot._month_end(None, day).isoformat() for day in (date(2024, 2, 29), date(2024, 3, 30))]
        ['2024-02-29', '2024-02-29']
        """
        tomorrow = as_of + timedelta(days=1)
        return tomorrow.replace(day=1) - timedelta(days=1)

    def _take_month_end(self, run, transaction):
        """Take the month's end that is due after a refresh of all customers, batch by batch."""
        taken_by = transaction(lambda: self._begin_month_end(run))
        while taken_by.month_end_key:
            transaction(lambda: self._take_batch(taken_by))
        if taken_by:
            transaction(lambda: self.env["crm.value.scorecard"]._take_missing(taken_by.company_id))
            # sudo: a manager who asks for a refresh need not read scheduled actions
            cron = self.env.ref("crm_value_addon.ir_cron_month_ends").sudo()
            transaction(lambda: cron._trigger())

    def _begin_month_end(self, run):
        """Return the run whose month's end is to be taken: an interrupted one, or this one when there is none yet."""
        interrupted = run.search([("company_id", "=", run.company_id.id), ("month_end_key", ">", 0)], limit=1)
        if interrupted or self._last_date(run.company_id, run.as_of_date, self._month_end(run.as_of_date)):
            return interrupted
        run.month_end_key = 1
        return run

    def _take_batch(self, run):
        count, upper = self.env["crm.value.observation"]._next_batch(run.company_id, run.month_end_key, _BATCH)
        if count:
            self._take(run.company_id, run.as_of_date, (run.month_end_key, upper))
        run.month_end_key = upper + 1 if count else 0

    @api.model
    def _take(self, company, as_of, span=None):
        """Keep the present figures of all customers of a company.

        :param span: only those from one partner id to another
        """
        self.env.flush_all()
        kept = ["company_id", *self.env["crm.value"]._fields_with("kept_by", "snapshot")]
        columns = SQL(", ").join(SQL.identifier(name) for name in kept)
        within = SQL("BETWEEN %s AND %s", *span) if span else SQL("IS NOT NULL")
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value_snapshot (value_id, as_of_date, equity, source_id, is_rhythm_kept, %(columns)s)
            SELECT value.id, %(as_of)s, COALESCE(clv, 0) - COALESCE(referral_value, 0), acquired.source_id,
                   rhythm.is_kept, %(columns)s
              FROM crm_value value
              LEFT JOIN (%(rhythm)s) rhythm ON rhythm.id = value.id
              LEFT JOIN (%(acquired)s) acquired ON acquired.partner_id = value.partner_id
             WHERE value.company_id = %(company)s AND value.partner_id %(within)s
            ON CONFLICT (value_id, as_of_date) DO NOTHING
            """,
                as_of=as_of,
                company=company.id,
                columns=columns,
                acquired=self._select_acquired(company, within),
                within=within,
                rhythm=self.env["crm.value.rhythm"]._select(company, SQL("value.partner_id %s", within), as_of),
            )
        )
        self.invalidate_model()

    @api.model
    def _select_acquired(self, company, within):
        """Return the SELECT of (partner_id, source_id): what each customer's first won opportunity came from.

        :param SQL within: what is said of the ids of the commercial partners, e.g. ``BETWEEN 1 AND 9``
        """
        return SQL(
            """
            SELECT DISTINCT ON (partner.commercial_partner_id) partner.commercial_partner_id AS partner_id,
                   lead.source_id
              FROM crm_lead lead JOIN res_partner partner ON partner.id = lead.partner_id
             WHERE lead.won_status = 'won' AND lead.active AND lead.source_id IS NOT NULL
               AND COALESCE(lead.company_id, %(company)s) = %(company)s
               AND partner.commercial_partner_id %(within)s
             ORDER BY partner.commercial_partner_id, lead.id
            """,
            company=company.id,
            within=within,
        )

    @api.model
    def _cron_reconstruct(self):
        """Reconstruct the month ends before the first refresh, of each company that lacks some."""
        self.env["crm.value.reconstruction"]._reconstruct_all()

    @api.model
    def _last_date(self, company, until, since=None, taken_only=False):
        """Return the day of a company's last snapshot up to a day, None without one.

        :param taken_only: leave out what was reconstructed: its value is computed in another way than today's, so the
            difference between the two would be one of methods
        """
        [[day]] = self.env.execute_query(
            SQL(
                "SELECT max(as_of_date) FROM crm_value_snapshot"
                " WHERE company_id = %s AND as_of_date <= %s AND %s AND %s",
                company.id,
                until,
                SQL("as_of_date >= %s", since) if since else SQL("TRUE"),
                SQL("is_reconstructed IS NOT TRUE") if taken_only else SQL("TRUE"),
            )
        )
        return day

    @api.autovacuum
    def _gc_snapshots(self):
        """Forget what is older than each company wants to keep."""
        return self.env["crm.value.retention"]._forget(
            self._name,
            "value_snapshot_months",
            lambda company, since: SQL("company_id = %s AND as_of_date < %s", company.id, since),
        )

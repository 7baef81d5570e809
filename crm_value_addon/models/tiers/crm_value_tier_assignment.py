from odoo import api, fields, models
from odoo.tools import SQL

from ...lib.postgres.binary_copy import id_array
from ..refresh.crm_value_refresh import REQUEST_LIMIT
from . import tier_rules
from .crm_value_tier_criterion import METRICS

_OWN_COLUMNS = ("tier_id", "tier_review_date", "next_tier_id")
#: moves that nobody earned or suffered by own doing: a log line, and nothing that follows from it
SILENT_SOURCES = ("initial", "rules", "opt_out")
#: customers decided per transaction when the rules changed: most of their rows are written, and moves logged
ASSIGN_BATCH = 10_000
#: from so many customers on the planner takes longer over the list of their ids than PostgreSQL over their rows
_DENSE_MIN = 1_000


class CrmValueTiering(models.Model):
    """The tier of a customer: decided set-wise by the rules, after each refresh of its figures.

    One statement decides, writes what differs and logs the silent moves; the others are created as records, so that
    automation rules see them.
    """

    _name = "crm.value"
    _inherit = ["crm.value", "mail.thread"]
    _mail_post_access = "read"

    tier_id = fields.Many2one("crm.value.tier", index="btree_not_null", ondelete="set null", readonly=True)
    tier_since = fields.Date(readonly=True)
    tier_review_date = fields.Date(
        string="Tier in Danger", readonly=True,
        help="The customer no longer meets what its tier asks for and loses it on this date (a tier kept until the "
             "year's end: after it), unless it meets it again before.")
    next_tier_id = fields.Many2one("crm.value.tier", ondelete="set null", readonly=True)
    tier_color = fields.Integer(related="tier_id.color", string="Tier Color")
    tier_icon = fields.Selection(related="tier_id.icon", string="Tier Icon")
    tier_change_ids = fields.One2many("crm.value.tier.change", "value_id", string="Tier Changes")
    tier_lock_ids = fields.One2many("crm.value.tier.lock", "value_id", string="Tier Locks")
    tier_lock_id = fields.Many2one("crm.value.tier.lock", compute="_compute_tier_lock_id")

    @api.depends("tier_lock_ids.until", "tier_lock_ids.active")
    def _compute_tier_lock_id(self):
        for value in self:
            today = value.company_id._value_today() if value.company_id else fields.Date.today()
            value.tier_lock_id = value.tier_lock_ids.filtered(
                lambda lock, today=today: lock.active and (not lock.until or lock.until >= today))[:1]

    # when

    def _after_store(self, company, as_of, partner_ids):
        result = super()._after_store(company, as_of, partner_ids)
        if len(partner_ids):
            first, last = int(partner_ids[0]), int(partner_ids[-1])
            # Most of a span: the few others in it, whom this refresh left out, are decided as they stand.
            is_dense = len(partner_ids) >= _DENSE_MIN and last - first < 2 * len(partner_ids)
            self._assign_tiers(
                company, as_of, **{"span": (first, last)} if is_dense else {"partner_ids": partner_ids})
        return result

    def _refresh_company(self, transaction=None):
        run = super()._refresh_company(transaction)
        (transaction or (lambda work: work()))(lambda: run.write({"has_tiers": True}))
        return run

    @api.model
    def _cron_refresh_stale(self):
        result = super()._cron_refresh_stale()
        waiting = self.env["crm.value.run"].search([("kind", "=", "tiers"), ("state", "in", ("queued", "running"))])
        for company in waiting.company_id:
            self._cron_run(company, lambda value: value._assign_company(value._transaction), "tiers")
        return result

    def _assign_company(self, transaction=None):
        """Decide the tiers of all customers of the current company, in batches; goes on where it was interrupted."""
        company = self.env.company
        transaction = transaction or (lambda work: work())
        has_figures = self._has_finished_run(company)
        run = transaction(lambda: self._start_assignment(company))
        more = True
        while more:
            more = transaction(lambda: self._assign_batch(run))
        transaction(lambda: (run.write({"has_tiers": has_figures}), run._finish()))
        return run

    def _start_assignment(self, company):
        run = self.env["crm.value.run"]._start(company, "tiers", company._value_today())
        [[total]] = self.env.execute_query(SQL("SELECT count(*) FROM crm_value WHERE company_id = %s", company.id))
        run.total = total
        return run

    def _assign_batch(self, run):
        """Decide the next customers of a run; return whether there were any."""
        count, upper = self._next_batch(run.company_id, run.next_partner_key, ASSIGN_BATCH)
        if count:
            written = self._assign_tiers(run.company_id, run.as_of_date, span=(run.next_partner_key, upper))
            run._advance(count, written, [], upper + 1)
        return bool(count)

    @api.model
    def _next_batch(self, company, start, limit):
        """Return how many customers there are from a partner id on, up to a limit, and the last one's id."""
        return self.env.execute_query(SQL(
            """
            SELECT count(*), max(partner_id)
              FROM (SELECT partner_id FROM crm_value WHERE company_id = %s AND partner_id >= %s
                     ORDER BY partner_id LIMIT %s) batch
            """, company.id, start, limit))[0]

    def _assign_or_enqueue(self, company, source):
        """Decide the tiers of these customers now when they are few and nobody else is writing, else by the cron."""
        # sudo: nobody but the machine writes tiers; who may cause it is checked by the caller.
        value = self.env["crm.value"].sudo().with_company(company).with_context(value_tier_source=source)
        with value._writer(company) as is_writer:
            if is_writer and len(self) <= REQUEST_LIMIT:
                value._assign_tiers(company, company._value_today(), partner_ids=self.partner_id.ids)
                return
        self.env["crm.value.queue"]._push_partners(self.partner_id, company)
        self.env.ref("crm_value_addon.ir_cron_refresh_stale").sudo()._trigger()

    # what

    def _assign_tiers(self, company, as_of, *, partner_ids=None, span=None):
        """Decide the tiers of some customers of a company, write and log what differs.

        :param partner_ids: ids of commercial partners
        :param span: instead of these, their first and last id
        :return: the number of rows written
        """
        self.env.flush_all()
        ladder = self.env["crm.value.tier"]._ladder(company)
        where = SQL("TRUE")
        if partner_ids is not None:
            span = int(min(partner_ids)), int(max(partner_ids))
            where = SQL("value.partner_id = ANY(%s::int[])", id_array(partner_ids))
        where = SQL(
            "value.company_id = %s AND value.partner_id BETWEEN %s AND %s AND %s", company.id, *span, where)
        source = self._tier_source(company, as_of, ladder, where)
        statement = self._assignment(
            tier_rules.decide(ladder, source, as_of), ladder, as_of, where, self._move_source(company))
        with self._without_nested_loops():
            [[written, silent, moves]] = self.env.execute_query(statement)
        self.invalidate_model(["tier_id", "tier_since", "tier_review_date", "next_tier_id"])
        if silent:
            self.env["crm.value.tier.change"].invalidate_model()
        if moves:
            self._log_moves(as_of, ladder, moves)
        return written

    @api.model
    def _tier_source(self, company, as_of, ladder, where, also=()):
        """Return the SELECT of a company's customers and their figures, as models/tiers/tier_rules.py takes it.

        :param SQL where: condition on ``value``
        :param also: names of metrics that the ladder need not ask for
        """
        return SQL(
            """
            SELECT value.id, value.partner_id, value.tier_id, value.tier_review_date, value.next_tier_id,
                   lock.tier_id AS locked_tier_id%(metrics)s
              FROM crm_value value
              LEFT JOIN crm_value_tier_lock lock
                     ON lock.value_id = value.id AND lock.active AND (lock.until IS NULL OR lock.until >= %(as_of)s)
             WHERE value.company_id = %(company)s AND %(where)s
            """,
            as_of=as_of, company=company.id, where=where, metrics=SQL().join(
                SQL(", %s AS %s", self._metric_to_sql(name, as_of), SQL.identifier(name))
                for name in self._metrics(ladder, also)))

    @api.model
    def _metrics(self, ladder=None, also=()):
        """Return the names of the metrics that there are, or those that a ladder asks for and some others."""
        asked = {*also, *(line.metric for rung in ladder for line in rung.lines)} if ladder is not None else METRICS
        return [name for name in METRICS if name in self._fields and name in asked]

    @api.model
    def _metric_to_sql(self, name, as_of):
        if name == "tenure_days":
            return SQL("GREATEST(COALESCE(%s::date - value.first_purchase_date, 0), 0)", as_of)
        return SQL("COALESCE(value.%s, 0)", SQL.identifier(name))

    @api.model
    def _move_source(self, company):
        """Return the SQL of the source of a move: why tiers are decided now.

        A customer that was never looked at before is a first assignment until the company's first refresh is done;
        later it is a new customer that earned its tier. While saved rules wait for their pass, every move is theirs.
        """
        source = self.env.context.get("value_tier_source")
        # sudo: the records of refreshes tell this, whoever refreshes.
        Run = self.env["crm.value.run"].sudo()
        in_company = [("company_id", "=", company.id)]
        if not source and Run.search_count(
                [*in_company, ("kind", "=", "tiers"), ("state", "in", ("queued", "running"))], limit=1):
            source = "rules"
        source = SQL("CASE WHEN decision.locked_tier_id = decision.decided_tier_id THEN 'lock' ELSE %s END",
                     source or "refresh")
        if Run.search_count([*in_company, ("has_tiers", "=", True)], limit=1):
            return source
        return SQL(
            "CASE WHEN decision.tier_id IS NULL AND decision.next_tier_id IS NULL THEN 'initial' ELSE %s END", source)

    @api.model
    def _assignment(self, decision, ladder, as_of, where, source):
        """Return the statement that writes a decision and logs its silent moves.

        The condition on ``value`` is repeated: the rows are found again by their keys, not by reading the whole table.

        It returns one row: rows written, moves logged, and the other moves as a list of
        (value id, from tier id, to tier id, source, figures), all as JSON.
        """
        metrics = sorted({line.metric for rung in ladder for line in rung.lines})
        return SQL(
            """
            WITH decision AS MATERIALIZED (SELECT * FROM (%(decision)s) decision
                  WHERE (tier_id, tier_review_date, next_tier_id) IS DISTINCT FROM
                        (decided_tier_id, decided_review_date, decided_next_tier_id)
            ), written AS (
                UPDATE crm_value value
                   SET tier_id = decision.decided_tier_id, tier_review_date = decision.decided_review_date,
                       next_tier_id = decision.decided_next_tier_id,
                       tier_since = CASE WHEN decision.tier_id IS NOT DISTINCT FROM decision.decided_tier_id
                                         THEN value.tier_since
                                         WHEN decision.decided_tier_id IS NOT NULL THEN %(as_of)s::date END
                  FROM decision
                 WHERE value.id = decision.id AND %(where)s
                RETURNING value.id, decision.tier_id AS from_id, value.tier_id AS to_id, %(source)s AS source,
                          %(figures)s AS figures
            ), moved AS (SELECT * FROM written WHERE from_id IS DISTINCT FROM to_id),
            logged AS (
                INSERT INTO crm_value_tier_change (value_id, from_tier_id, to_tier_id, date, source, figures, user_id)
                SELECT id, from_id, to_id, %(as_of)s, source, figures, %(user)s FROM moved WHERE source IN %(silent)s
                RETURNING id
            )
            SELECT (SELECT count(*) FROM written), (SELECT count(*) FROM logged),
                   (SELECT jsonb_agg(jsonb_build_array(id, from_id, to_id, source, figures) ORDER BY id)
                      FROM moved WHERE source NOT IN %(silent)s)
            """,
            decision=decision, as_of=as_of, where=where, source=source, silent=SILENT_SOURCES,
            user=self._moving_user().id or None,
            figures=SQL("jsonb_build_object(%s)", SQL(", ").join(
                SQL("%s::text, decision.%s", name, SQL.identifier(name)) for name in metrics)))

    @api.model
    def _moving_user(self):
        """Return who moves tiers by hand or by rules now; nobody when figures do."""
        is_person = self.env.context.get("value_tier_source") and not self.env.user._is_superuser()
        return self.env.user if is_person else self.env["res.users"]

    @api.model
    def _log_moves(self, as_of, ladder, moves):
        """Create the records of moves, and a message on each value.

        :param moves: lists [value id, from tier id, to tier id, source, figures]
        """
        values = self.browse([move[0] for move in moves])
        vals_list = []
        for value, (_id, from_id, to_id, source, figures) in zip(values, moves, strict=True):
            lock = value.tier_lock_id if source == "lock" else self.env["crm.value.tier.lock"]
            vals_list.append({
                "value_id": value.id, "from_tier_id": from_id, "to_tier_id": to_id, "date": as_of, "source": source,
                "reason": lock.reason or self._reason(ladder, from_id, to_id, figures, value.currency_id),
                "figures": figures, "user_id": (lock.user_id or self._moving_user()).id,
            })
        # sudo: nobody but the machine writes the log.
        changes = self.env["crm.value.tier.change"].sudo().create(vals_list)
        values._message_log_batch({change.value_id.id: change._message() for change in changes})

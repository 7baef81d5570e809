from odoo import api, models
from odoo.tools import SQL

from ...lib.postgres.binary_copy import id_array
from ..refresh.crm_value_scheduler import REQUEST_LIMIT
from . import tier_rules
from .crm_value_tier_change import SILENT_SOURCES

#: customers per transaction after a change of rules, which writes most of their rows and logs the changes
ASSIGN_BATCH = 10_000
#: number of customers from which on a list of their ids costs the planner more time than a span of ids
_DENSE_MIN = 1_000


class CrmValueTierAssignment(models.AbstractModel):
    """Decides the tiers of customers by the rules, set-wise, after each refresh of their figures.

    How to use: a refresh calls `_assign_stored`; `_assign_company` decides for all customers after a change of rules;
    `_assign_or_enqueue` decides for some customers in a user's request.

    How it works: one statement decides, writes what differs and logs the changes of silent sources. All other changes
    become records, so that automation rules and the listeners of `crm.value.tier.change` see them. The argument
    `source` names the reason of a decision that is not due to the figures.
    """

    _name = "crm.value.tier.assignment"
    _description = "Loyalty Tiers: Assignment"

    # when

    @api.model
    def _assign_stored(self, basis, partner_ids, source=None):
        """Decide the tiers of customers whose figures were just stored.

        :param partner_ids: int array of shape (n,), sorted
        """
        if not len(partner_ids):
            return
        first, last = int(partner_ids[0]), int(partner_ids[-1])
        # When most customers of a span were refreshed, the few others in it are decided by the figures they have.
        is_dense = len(partner_ids) >= _DENSE_MIN and last - first < 2 * len(partner_ids)
        self._assign_tiers(
            basis.company,
            basis.as_of,
            source=source,
            **{"span": (first, last)} if is_dense else {"partner_ids": partner_ids},
        )

    def _assign_company(self, transaction=None, source=None):
        """Decide the tiers of all customers of the current company, in batches; resume an interrupted run."""
        company = self.env.company
        transaction = transaction or (lambda work: work())
        has_figures = self.env["crm.value.run"]._has_finished(company)
        run = transaction(lambda: self._start_assignment(company))
        more = True
        while more:
            more = transaction(lambda: self._assign_batch(run, source))
        transaction(lambda: (run.write({"has_tiers": has_figures}), run._finish()))
        return run

    def _start_assignment(self, company):
        run = self.env["crm.value.run"]._start(company, "tiers", company._value_today())
        [[total]] = self.env.execute_query(SQL("SELECT count(*) FROM crm_value WHERE company_id = %s", company.id))
        run.total = total
        return run

    def _assign_batch(self, run, source=None):
        """Decide the next customers of a run; return whether there were any."""
        count, upper = self.env["crm.value.observation"]._next_batch(run.company_id, run.next_partner_key, ASSIGN_BATCH)
        if count:
            written = self._assign_tiers(
                run.company_id, run.as_of_date, span=(run.next_partner_key, upper), source=source
            )
            run._advance(count, written, [], upper + 1)
        return bool(count)

    @api.model
    def _assign_or_enqueue(self, values, source):
        """Decide the tiers of these customers of a company now, when they are few and nobody else is writing.

        Otherwise the cron decides.
        """
        company = values.company_id
        # sudo: only the assignment writes tiers; the caller checks who may start it.
        assignment = self.sudo().with_company(company)
        with assignment.env["crm.value.scheduler"]._writer(company) as is_writer:
            if is_writer and len(values) <= REQUEST_LIMIT:
                assignment._assign_tiers(
                    company, company._value_today(), partner_ids=values.partner_id.ids, source=source
                )
                return
        self.env["crm.value.scheduler"]._enqueue(values.partner_id, company)

    # what

    def _assign_tiers(self, company, as_of, *, partner_ids=None, span=None, source=None):
        """Decide the tiers of some customers of a company, write what differs and log it.

        :param partner_ids: ids of commercial partners
        :param span: instead of these, their first and last id
        :param str source: why tiers are decided, unless it is for the figures (see `crm.value.tier.change`)
        :return: the number of rows written
        """
        self.env.flush_all()
        rules = self.env["crm.value.tier"]._rules_of(company)
        where = self._where_customers(company, partner_ids, span)
        rows = self._select_figures(company, as_of, rules, where)
        statement = self._assignment(
            tier_rules.decide(rules, rows, as_of),
            rules,
            as_of,
            where,
            self._change_source(company, source),
            self._deciding_user(source),
        )
        with self.env["crm.value.writer"]._without_nested_loops():
            [[written, silent, changes]] = self.env.execute_query(statement)
        self.env["crm.value"].invalidate_model(["tier_id", "tier_since", "tier_review_date", "next_tier_id"])
        # SQL wrote the tiers: the ORM does not know that the pricelist of contacts, which is not stored, follows them.
        self.env["res.partner"].invalidate_model(["property_product_pricelist"])
        if silent:
            self.env["crm.value.tier.change"].invalidate_model()
        if changes:
            self._log_changes(as_of, rules, changes, self._deciding_user(source))
        return written

    @api.model
    def _where_customers(self, company, partner_ids, span):
        """Return the condition on ``value`` that selects these customers of a company (see `_assign_tiers`)."""
        chosen = SQL("TRUE")
        if partner_ids is not None:
            span = int(min(partner_ids)), int(max(partner_ids))
            chosen = SQL("value.partner_id = ANY(%s::int[])", id_array(partner_ids))
        return SQL("value.company_id = %s AND value.partner_id BETWEEN %s AND %s AND %s", company.id, *span, chosen)

    @api.model
    def _select_figures(self, company, as_of, rules, where, also=()):
        """Return the SELECT of a company's customers and their figures, a source for models/tiers/tier_rules.py.

        :param SQL where: condition on ``value``
        :param also: names of further metrics, which no rule need ask for
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
            as_of=as_of,
            company=company.id,
            where=where,
            metrics=SQL().join(
                SQL(", %s AS %s", self._metric_to_sql(name, as_of), SQL.identifier(name))
                for name in self._asked_metrics(rules, also)
            ),
        )

    @api.model
    def _asked_metrics(self, rules, also=()):
        """Return the names of the metrics that rules ask for, and of some others."""
        asked = {*also, *(criterion.metric for rule in rules for criterion in rule.criteria)}
        return [name for name in self.env["crm.value"]._metrics() if name in asked]

    @api.model
    def _metric_to_sql(self, name, as_of):
        if name == "tenure_days":
            return SQL("GREATEST(COALESCE(%s::date - value.first_purchase_date, 0), 0)", as_of)
        return SQL("COALESCE(value.%s, 0)", SQL.identifier(name))

    @api.model
    def _change_source(self, company, source):
        """Return the SQL of the source of a tier change: the reason why tiers are decided now.

        The first tier of a customer is a first assignment until the company's first refresh is done; later it is a new
        customer that earned its tier. While saved rules wait for the cron, every change is due to the rules.
        """
        # sudo: every user's decision depends on the company's refreshes.
        Run = self.env["crm.value.run"].sudo()
        in_company = [("company_id", "=", company.id)]
        if not source and Run.search_count(
            [*in_company, ("kind", "=", "tiers"), ("state", "in", ("queued", "running"))], limit=1
        ):
            source = "rules"
        sql = SQL(
            "CASE WHEN decision.locked_tier_id = decision.decided_tier_id THEN 'lock' ELSE %s END", source or "refresh"
        )
        if not Run.search_count([*in_company, ("has_tiers", "=", True)], limit=1):
            sql = SQL(
                "CASE WHEN decision.tier_id IS NULL AND decision.next_tier_id IS NULL THEN 'initial' ELSE %s END", sql
            )
        return SQL("CASE WHEN decision.is_excluded THEN 'opt_out' ELSE %s END", sql)

    @api.model
    def _assignment(self, decision, rules, as_of, where, source, user):
        """Return the statement that writes a decision and logs the tier changes of silent sources.

        It repeats the condition on ``value``, so that PostgreSQL finds the rows by their keys instead of reading the
        whole table.

        It returns one row: the number of rows written, the number of changes logged, and all other changes as JSON, a
        list of [value id, from tier id, to tier id, source, figures].
        """
        metrics = sorted({criterion.metric for rule in rules for criterion in rule.criteria})
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
            ), changed AS (SELECT * FROM written WHERE from_id IS DISTINCT FROM to_id),
            logged AS (
                INSERT INTO crm_value_tier_change (value_id, from_tier_id, to_tier_id, date, source, figures, user_id)
                SELECT id, from_id, to_id, %(as_of)s, source, figures, %(user)s FROM changed WHERE source IN %(silent)s
                RETURNING id
            )
            SELECT (SELECT count(*) FROM written), (SELECT count(*) FROM logged),
                   (SELECT jsonb_agg(jsonb_build_array(id, from_id, to_id, source, figures) ORDER BY id)
                      FROM changed WHERE source NOT IN %(silent)s)
            """,
            decision=decision,
            as_of=as_of,
            where=where,
            source=source,
            silent=SILENT_SOURCES,
            user=user.id or None,
            figures=SQL(
                "jsonb_build_object(%s)",
                SQL(", ").join(SQL("%s::text, decision.%s", name, SQL.identifier(name)) for name in metrics),
            ),
        )

    @api.model
    def _deciding_user(self, source):
        """Return the user who changes tiers, by a lock or by rules; nobody when figures change them."""
        is_person = source and not self.env.user._is_superuser()
        return self.env.user if is_person else self.env["res.users"]

    @api.model
    def _log_changes(self, as_of, rules, changes, user):
        """Create the records of tier changes, and a message on each value.

        :param changes: lists [value id, from tier id, to tier id, source, figures]
        """
        values = self.env["crm.value"].browse([change[0] for change in changes])
        vals_list = []
        for value, (_id, from_id, to_id, source, figures) in zip(values, changes, strict=True):
            lock = value.tier_lock_id if source == "lock" else self.env["crm.value.tier.lock"]
            vals_list.append(
                {
                    "value_id": value.id,
                    "from_tier_id": from_id,
                    "to_tier_id": to_id,
                    "date": as_of,
                    "source": source,
                    "reason": lock.reason
                    or self.env["crm.value.tier.explanation"]._reason(
                        rules, from_id, to_id, figures, value.currency_id
                    ),
                    "figures": figures,
                    "user_id": (lock.user_id or user).id,
                }
            )
        # sudo: only the assignment writes the log.
        records = self.env["crm.value.tier.change"].sudo().create(vals_list)
        values._message_log_batch({change.value_id.id: change._message() for change in records})

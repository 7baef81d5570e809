from datetime import timedelta
from typing import NamedTuple

import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib.postgres.binary_copy import NO_DATE, day_number, id_array
from ..refresh.basis import Basis
from ..refresh.crm_value_scheduler import REQUEST_LIMIT
from . import tier_rules
from .crm_value_tier_change import SILENT_SOURCES

#: customers per transaction after a change of rules, which writes most of their rows and logs the changes
ASSIGN_BATCH = 10_000
#: number of customers from which on a list of their ids costs the planner more time than a span of ids
_DENSE_MIN = 1_000
#: customers whose rise is looked into at once
_RISEN_BATCH = 5_000


class _Change(NamedTuple):
    """A change of tier that was just written."""

    value_id: int
    from_id: int | None
    to_id: int | None
    from_since: str | None
    source: str
    figures: dict
    is_silent: bool
    is_up: bool


class CrmValueTierAssignment(models.AbstractModel):
    """Decides the tiers of customers by the rules, set-wise, after each refresh of their figures.

    How to use: a refresh calls `_assign_stored`; `_assign_company` decides for all customers after a change of rules;
    `_assign_or_enqueue` decides for some customers in a user's request.

    How it works: one statement decides, writes what differs and logs the silent changes. All other changes become
    records, so that automation rules and the listeners of `crm.value.tier.change` see them.

    What caused a change: the argument `source`, where rules or locks are decided; else the cause that `_set_cause` left
    on the customer for its next refresh; else the figures. A rise by figures is silent where the customer had the tier
    within the last days, or where older documents alone explain it (`_explained_by_history`).
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

    def _assign_company(self, transaction=None, source="rules"):
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

    def _assign_batch(self, run, source):
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
        if len(values) <= REQUEST_LIMIT and assignment.env["crm.value.scheduler"]._is_writer(company):
            assignment._assign_tiers(company, company._value_today(), partner_ids=values.partner_id.ids, source=source)
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
        decision = tier_rules.decide(rules, self._select_figures(company, as_of, rules, where), as_of)
        statement = self._assignment(company, decision, rules, as_of, where, source)
        with self.env["crm.value.writer"]._without_nested_loops():
            [[written, silent, changes]] = self.env.execute_query(statement)
        self.env["crm.value"].invalidate_model(["tier_id", "tier_since", "tier_review_date", "next_tier_id"])
        # SQL wrote the tiers: the ORM does not know that the pricelist of contacts, which is not stored, follows them.
        self.env["res.partner"].invalidate_model(["property_product_pricelist"])
        if silent:
            self.env["crm.value.tier.change"].invalidate_model()
        if changes:
            changes = [_Change(*change) for change in changes]
            earned = changes if source else self._log_history(company, as_of, rules, changes)
            self._log_changes(as_of, rules, earned, self._deciding_user(source))
        return written

    @api.model
    def _set_cause(self, cause, where):
        """Leave the cause of the tier changes that the next refresh of some customers will bring.

        It stands on the customer's row until a refresh has decided, whoever refreshes it and when.

        Only for a few customers: it writes their rows. An update, which concerns all, marks its refresh instead (see
        `crm.value.run._request`).

        :param str cause: a source of `crm.value.tier.change`
        :param SQL where: condition on ``value``
        """
        self.env.flush_all()
        self.env.cr.execute(SQL("UPDATE crm_value value SET tier_cause = %s WHERE %s", cause, where))
        self.env["crm.value"].invalidate_model(["tier_cause"])

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
                   value.tier_since, value.tier_cause, lock.tier_id AS locked_tier_id,
                   former.tier_id AS former_tier_id%(metrics)s
              FROM crm_value value
              LEFT JOIN crm_value_tier_lock lock
                     ON lock.value_id = value.id AND lock.active AND (lock.until IS NULL OR lock.until >= %(as_of)s)
              LEFT JOIN (%(former)s) former ON former.value_id = value.id
             WHERE value.company_id = %(company)s AND %(where)s
            """,
            as_of=as_of,
            company=company.id,
            where=where,
            former=self._select_former(company, as_of, rules, where),
            metrics=SQL().join(
                SQL(", %s AS %s", self._metric_to_sql(name, as_of), SQL.identifier(name))
                for name in self._asked_metrics(rules, also)
            ),
        )

    @api.model
    def _select_former(self, company, as_of, rules, where):
        """Return the SELECT of (value_id, tier_id): the highest tier that these customers had within the last days."""
        return SQL(
            """
            SELECT change.value_id, %(highest)s AS tier_id FROM crm_value_tier_change change
             WHERE change.from_tier_id IS NOT NULL AND change.date >= %(since)s
               AND change.value_id IN (SELECT value.id FROM crm_value value WHERE %(where)s)
             GROUP BY change.value_id
            """,
            highest=self._highest_left(rules),
            since=self._recent_since(company, as_of),
            where=where,
        )

    @api.model
    def _highest_left(self, rules):
        """Return the SQL of the highest of the tiers that the changes of a group left."""
        levels = SQL(" ").join(SQL("WHEN %s THEN %s", rule.tier_id, level) for level, rule in enumerate(rules, 1))
        level = SQL("CASE change.from_tier_id %s ELSE 0 END", levels) if rules else SQL("0")
        return SQL("(array_agg(change.from_tier_id ORDER BY %s DESC))[1]", level)

    @api.model
    def _former_tier_to_sql(self, company, as_of, rules, values):
        """Return the SQL of the highest tier that any of these customers had within the last days."""
        return SQL(
            """(SELECT %s FROM crm_value_tier_change change
                 WHERE change.from_tier_id IS NOT NULL AND change.date >= %s AND change.value_id = ANY(%s))""",
            self._highest_left(rules),
            self._recent_since(company, as_of),
            values.ids,
        )

    @api.model
    def _had_lately(self, value, tier):
        """Tell whether a customer had a tier, or a higher one, within the last days."""
        company = value.company_id
        rules, today = self.env["crm.value.tier"]._rules_of(company), company._value_today()
        level_of = {rule.tier_id: level for level, rule in enumerate(rules, 1)}
        self.env.flush_all()
        [[former]] = self.env.execute_query(SQL("SELECT %s", self._former_tier_to_sql(company, today, rules, value)))
        return level_of.get(former, 0) >= level_of.get(tier.id, len(rules) + 1)

    @api.model
    def _recent_since(self, company, as_of):
        """Return the first of the days that a company calls recent."""
        return as_of - timedelta(days=company.value_recent_days)

    @api.model
    def _asked_metrics(self, rules, also=()):
        """Return the names of the metrics that rules ask for, and of some others."""
        asked = {*also, *(criterion.metric for rule in rules for criterion in rule.criteria)}
        return [name for name in self.env["crm.value.tier.metric"]._names() if name in asked]

    @api.model
    def _metric_to_sql(self, name, as_of):
        if name == "tenure_days":
            return SQL("GREATEST(COALESCE(%s::date - value.first_purchase_date, 0), 0)", as_of)
        if self.env["crm.value.tier.metric"]._category(name):
            return self.env["crm.value.tier.metric"]._category_to_sql(name)
        return SQL("COALESCE(value.%s, 0)", SQL.identifier(name))

    @api.model
    def _metric_columns(self, basis, columns, names):
        """Return metrics of some columns (see `crm.value.refresh`) as the table has them: name → array."""
        Metric, figures = self.env["crm.value.tier.metric"], {}
        for name in names:
            if name == "tenure_days":
                first = columns["first_purchase_date"]
                figures[name] = np.where(first != NO_DATE, np.maximum(day_number(basis.as_of) - first, 0), 0)
            elif Metric._category(name):
                figures[name] = np.round(Metric._column(basis, columns["partner_id"], name), basis.money)
            elif Metric._field(name).type == "monetary":
                figures[name] = np.round(columns[name], basis.money)
            else:
                figures[name] = columns[name]
        return figures

    @api.model
    def _change_source(self, company, source):
        """Return the SQL of the source of a tier change: the reason why tiers are decided now.

        The first tier of a customer is a first assignment until the company's first refresh is done; later it is a new
        customer that earned its tier. While saved rules wait for the cron, every change is due to the rules; while the
        first refresh by what an update, or the settings, count waits (`has_new_rules` of its run), to that.
        """
        cause = SQL("NULL") if source else SQL("decision.tier_cause")
        # sudo: every user's decision depends on the company's refreshes.
        Run = self.env["crm.value.run"].sudo()
        in_company = [("company_id", "=", company.id)]
        waiting = ("state", "in", ("queued", "running"))
        asked = "|", ("kind", "=", "tiers"), ("has_new_rules", "=", True)
        run = not source and Run.search(
            [*in_company, waiting, *asked], order="has_new_rules DESC, rules_cause DESC, id", limit=1
        )
        if run:
            source = (run.rules_cause or "update") if run.has_new_rules else "rules"
        sql = SQL(
            """CASE WHEN %(cause)s IS NOT NULL THEN %(cause)s
                    WHEN decision.locked_tier_id = decision.decided_tier_id THEN 'lock'
                    WHEN decision.is_regained AND %(is_refresh)s THEN 'regained' ELSE %(source)s END""",
            cause=cause,
            is_refresh=not source,
            source=source or "refresh",
        )
        if not Run.search_count([*in_company, ("has_tiers", "=", True)], limit=1):
            sql = SQL(
                "CASE WHEN decision.tier_id IS NULL AND decision.next_tier_id IS NULL THEN 'initial' ELSE %s END", sql
            )
        return SQL("CASE WHEN decision.is_excluded THEN 'opt_out' ELSE %s END", sql)

    @api.model
    def _assignment(self, company, decision, rules, as_of, where, source):
        """Return the statement that writes a decision and logs the silent tier changes.

        It repeats the condition on ``value``, so that PostgreSQL finds the rows by their keys instead of reading the
        whole table.

        It returns one row: the number of rows written, the number of changes logged, and all other changes as JSON, a
        list of `_Change`. A change by a person's lock is a record, silent or not: its reason is the person's.
        """
        metrics = sorted({criterion.metric for rule in rules for criterion in rule.criteria})
        return SQL(
            """
            WITH decision AS MATERIALIZED (SELECT * FROM (%(decision)s) decision
                  WHERE (tier_id, tier_review_date, next_tier_id, tier_cause) IS DISTINCT FROM
                        (decided_tier_id, decided_review_date, decided_next_tier_id, %(kept_cause)s)
            ), written AS (
                UPDATE crm_value value
                   SET tier_id = decision.decided_tier_id, tier_review_date = decision.decided_review_date,
                       next_tier_id = decision.decided_next_tier_id, tier_cause = %(kept_cause)s,
                       tier_since = CASE WHEN decision.tier_id IS NOT DISTINCT FROM decision.decided_tier_id
                                         THEN value.tier_since
                                         WHEN decision.decided_tier_id IS NOT NULL
                                         THEN COALESCE(%(old_since)s, %(as_of)s::date) END
                  FROM decision
                 WHERE value.id = decision.id AND %(where)s
                RETURNING value.id, decision.tier_id AS from_id, value.tier_id AS to_id,
                          decision.tier_since AS from_since, %(source)s AS source, %(figures)s AS figures,
                          decision.is_regained, decision.decided_level > decision.current_level AS is_up
            ), changed AS (
                SELECT *, source IN %(silent)s OR is_regained OR %(is_early)s AS is_silent
                  FROM written WHERE from_id IS DISTINCT FROM to_id
            ), logged AS (
                INSERT INTO crm_value_tier_change
                       (value_id, from_tier_id, to_tier_id, from_since, date, source, figures, is_silent, user_id)
                SELECT id, from_id, to_id, from_since, %(as_of)s, source, figures, TRUE, %(user)s
                  FROM changed WHERE is_silent AND source != 'lock'
                RETURNING id
            )
            SELECT (SELECT count(*) FROM written), (SELECT count(*) FROM logged),
                   (SELECT jsonb_agg(jsonb_build_array(id, from_id, to_id, from_since, source, figures, is_silent,
                                                       is_up) ORDER BY id)
                      FROM changed WHERE NOT is_silent OR source = 'lock')
            """,
            decision=decision,
            as_of=as_of,
            where=where,
            source=self._change_source(company, source),
            silent=SILENT_SOURCES,
            is_early=company._value_is_early(as_of),
            # A cause waits for the figures that it is about: these may have been read before a merge beside them.
            kept_cause=SQL("decision.tier_cause")
            if source
            else SQL(
                """CASE WHEN decision.tier_cause IS NOT NULL
                             AND EXISTS (SELECT FROM crm_value_queue waiting
                                          WHERE waiting.partner_key = decision.partner_id
                                            AND waiting.company_key = %s)
                        THEN decision.tier_cause END""",
                company.id,
            ),
            old_since=SQL(
                """(SELECT change.from_since FROM crm_value_tier_change change
                     WHERE decision.is_regained AND change.value_id = value.id AND change.date >= %s
                       AND change.from_tier_id = decision.decided_tier_id ORDER BY change.id DESC LIMIT 1)""",
                self._recent_since(company, as_of),
            ),
            user=self._deciding_user(source).id or None,
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

        :param changes: list of `_Change`
        """
        values = self.env["crm.value"].browse([change.value_id for change in changes])
        vals_list = []
        for value, change in zip(values, changes, strict=True):
            lock = value.tier_lock_id if change.source == "lock" else self.env["crm.value.tier.lock"]
            vals_list.append(
                {
                    "value_id": value.id,
                    "from_tier_id": change.from_id,
                    "to_tier_id": change.to_id,
                    "from_since": change.from_since,
                    "date": as_of,
                    "source": change.source,
                    "is_silent": change.is_silent,
                    "words": lock.reason,
                    "asked": not lock
                    and self.env["crm.value.tier.explanation"]._asked(rules, change.from_id, change.to_id),
                    "figures": change.figures,
                    "user_id": (lock.user_id or user).id,
                }
            )
        # sudo: only the assignment writes the log.
        records = self.env["crm.value.tier.change"].sudo().create(vals_list)
        values._message_log_batch({change.value_id.id: change._message() for change in records})

    # what older documents explain

    @api.model
    def _log_history(self, company, as_of, rules, changes):
        """Log the rises that older documents alone explain, in bulk; return the other changes.

        :param changes: list of `_Change`
        """
        level_of = {rule.tier_id: level for level, rule in enumerate(rules, 1)}
        # What only a condition on contacts gives follows from no document.
        rises = [
            change
            for change in changes
            if change.source == "refresh" and change.is_up and rules[level_of[change.to_id] - 1].criteria
        ]
        explained = set()
        for first in range(0, len(rises), _RISEN_BATCH):
            explained |= self._explained_by_history(company, as_of, rules, rises[first : first + _RISEN_BATCH])
        if explained:
            # sudo: only the assignment writes the log.
            self.env["crm.value.tier.change"].sudo()._log_silently(
                as_of, "history", [change for change in rises if change.value_id in explained]
            )
        return [change for change in changes if change.value_id not in explained]

    @api.model
    def _explained_by_history(self, company, as_of, rules, rises):
        """Return the ids of the values that would have had their new tier before the recent days, by the documents
        dated until then.

        Figures of that day, by the documents until that day: whoever reaches a tier by time alone reaches it today.

        :param rises: list of `_Change`
        """
        day = self._recent_since(company, as_of) - timedelta(days=1)
        values = self.env["crm.value"].browse([change.value_id for change in rises])
        rise_of = {value.partner_id.id: change for value, change in zip(values, rises, strict=True)}
        basis = Basis(company, day, sorted(rise_of), until=day)
        # sudo: only the refresh computes figures; nobody is shown these.
        Refresh = self.env["crm.value.refresh"].sudo()
        columns, _skipped = Refresh._compute(basis)
        columns = Refresh._place(basis, columns, Refresh.env["crm.value.run"]._last_boundaries(company))
        figures = self._metric_columns(basis, columns, self._asked_metrics(rules))
        partner_ids = columns["partner_id"].tolist()
        source = SQL(
            """
            SELECT risen.*, NULL::date AS tier_review_date, NULL::int AS next_tier_id, NULL::int AS locked_tier_id,
                   NULL::int AS former_tier_id
              FROM unnest(%s::int[], %s::int[], %s::int[]%s) AS risen(id, partner_id, tier_id%s)
            """,
            [rise_of[partner_id].value_id for partner_id in partner_ids],
            partner_ids,
            [rise_of[partner_id].from_id for partner_id in partner_ids],
            SQL().join(SQL(", %s::float8[]", column.tolist()) for column in figures.values()),
            SQL().join(SQL(", %s", SQL.identifier(name)) for name in figures),
        )
        level_of = {rule.tier_id: level for level, rule in enumerate(rules, 1)}
        rows = self.env.execute_query(
            SQL("SELECT id, partner_id, decided_level FROM (%s) decision", tier_rules.decide(rules, source, day))
        )
        return {value_id for value_id, partner_id, level in rows if level >= level_of[rise_of[partner_id].to_id]}

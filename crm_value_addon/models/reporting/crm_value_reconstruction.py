import zlib
from datetime import timedelta

import numpy as np
from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.tools import SQL

from ...lib.columns import take
from ..refresh.basis import Basis
from ..refresh.crm_value_writer import KINDS
from ..tiers import tier_rules

#: month ends before the first one that a refresh took
MONTHS = 24
#: customers per transaction; each of them is written with all of its month ends
_BATCH = 5_000
#: a reconstruction meets no other one, but does not keep a refresh waiting
_LOCK = zlib.crc32(b"crm_value_addon month ends") & 0x7FFFFFFF
_INCOMING, _HELD = "crm_value_incoming", SQL.identifier("crm_value_held")


class CrmValueReconstruction(models.AbstractModel):
    """The month ends before the first refresh, from the documents that were there already.

    How to use: the scheduled action calls `_reconstruct_all`; `_reconstruct` does a company.

    How it works: after the first month's end that a refresh took, the steps of a refresh run again as of each earlier
    one, by documents up to that day. What a forecast or other sources would have said then is not known: the value is
    that of the last 12 months carried forward, without growth, referrals, knowledge and cost to serve. Tiers follow
    from today's rules, month by month; of the categories that a customer buys, only today's number is known.

    Customers are done in batches, each with all of its month ends in one transaction, so an interrupted reconstruction
    goes on where it stopped. Rows that are there stay. Nobody is told of anything: no tier changes, only the day since
    when it is held moves back.
    """

    _name = "crm.value.reconstruction"
    _description = "Customer Value: Reconstructed Month Ends"

    @api.model
    def _reconstruct_all(self):
        """Reconstruct the month ends of each company that lacks some; called by the scheduled action."""
        scheduler = self.env["crm.value.scheduler"]
        for company in self.env["res.company"].search([]).filtered(self._is_due):
            scheduler._run_alone(
                company,
                lambda alone, transaction: alone.env[self._name]._reconstruct(transaction),
                "history",
                lock=_LOCK,
            )

    @api.model
    def _is_due(self, company):
        """Tell whether month ends of a company may be missing that were not asked for before."""
        months = self._month_ends(company)
        return bool(months) and not self.env["crm.value.run"].search_count(
            [
                ("company_id", "=", company.id),
                ("kind", "=", "history"),
                ("state", "=", "done"),
                ("as_of_date", "<=", months[0]),
            ],
            limit=1,
        )

    @api.model
    def _month_ends(self, company):
        """Return the month ends to reconstruct: sorted days between the first purchase and the first one taken."""
        [[taken, bought]] = self.env.execute_query(
            SQL(
                """
            SELECT (SELECT min(as_of_date) FROM crm_value_snapshot
                     WHERE company_id = %(company)s AND is_reconstructed IS NOT TRUE),
                   (SELECT min(first_purchase_date) FROM crm_value WHERE company_id = %(company)s)
            """,
                company=company.id,
            )
        )
        if not taken or not bought:
            return []
        first = max(bought, taken - relativedelta(months=MONTHS, day=1))
        if company.value_snapshot_months:
            first = max(first, company._value_today() - relativedelta(months=company.value_snapshot_months))
        months, day = [], self.env["crm.value.snapshot"]._month_end(taken - timedelta(days=1))
        while day >= first:
            months.append(day)
            day = day.replace(day=1) - timedelta(days=1)
        return months[::-1]

    @api.model
    def _reconstruct(self, transaction=None):
        """Reconstruct the month ends of the current company; return the run that records it."""
        company = self.env.company
        transaction = transaction or (lambda work: work())
        months = self._month_ends(company)
        if not months:
            return self.env["crm.value.run"]
        run = transaction(lambda: self._start(company, months[0]))
        more = True
        while more:
            more = transaction(lambda: self._reconstruct_batch(run, months))
        transaction(lambda: self.env["crm.value.scorecard"]._take_missing(company, again=True))
        transaction(run._finish)
        return run

    @api.model
    def _start(self, company, first):
        run = self.env["crm.value.run"]._start(company, "history", first)
        [[run.total]] = self.env.execute_query(SQL("SELECT count(*) FROM crm_value WHERE company_id = %s", company.id))
        return run

    @api.model
    def _reconstruct_batch(self, run, months):
        """Store the month ends of the next customers of a run; return whether there were any."""
        company, start = run.company_id, run.next_partner_key
        count, upper = self.env["crm.value.observation"]._next_batch(company, start, _BATCH)
        if not count:
            return False
        self.env.flush_all()
        partner_ids = [
            partner_id
            for [partner_id] in self.env.execute_query(
                SQL(
                    """SELECT partner_id FROM crm_value WHERE company_id = %s AND partner_id BETWEEN %s AND %s
                        AND (purchase_count > 0 OR revenue_total != 0 OR first_purchase_date IS NOT NULL)
                      ORDER BY partner_id""",
                    company.id,
                    start,
                    upper,
                )
            )
        ]
        written, skipped = self._reconstruct_customers(company, partner_ids, months) if partner_ids else (0, [])
        run._advance(count, written, skipped, upper + 1)
        return True

    @api.model
    def _reconstruct_customers(self, company, partner_ids, months):
        """Store the month ends of some customers; return (number of rows, list of (partner id, reason))."""
        self.env.cr.execute(
            SQL(
                """DROP TABLE IF EXISTS %(held)s;
                CREATE TEMP TABLE %(held)s (id int PRIMARY KEY, tier_id int, tier_review_date date, next_tier_id int,
                                            since date) ON COMMIT DROP""",
                held=_HELD,
            )
        )
        rules = self.env["crm.value.tier"]._rules_of(company)
        boundaries = self.env["crm.value.run"]._last_boundaries(company)
        written, skipped = 0, {}
        for day in months:
            columns, left_out = self._columns_of(Basis(company, day, partner_ids, until=day), rules, boundaries)
            skipped |= dict(left_out)
            if len(columns["partner_id"]):
                written += self._keep(company, day, rules, columns)
        self._move_since(company, months[-1])
        self.env["crm.value.snapshot"].invalidate_model()
        self.env["crm.value"].invalidate_model(["tier_since"])
        return written, sorted(skipped.items())

    @api.model
    def _columns_of(self, basis, rules, boundaries):
        """Return the figures that customers had on a day, and the metrics that tiers ask for: (columns, skipped)."""
        observation, component = self.env["crm.value.observation"], self.env["crm.value.component"]
        # no fit: the forecast of a model that has seen what came after would be no figure of that day
        basis = Basis(basis.company, basis.as_of, basis.partner_ids, until=basis.until, fit=self.env["crm.value.fit"])
        columns, unreadable = observation._leave_out_unreadable(observation._observe(basis))
        columns = take(columns, (columns["purchase_count"] > 0) | (columns["revenue_total"] != 0))
        columns = self.env["crm.value.product.refresh"]._add_breadth(basis, columns)
        columns, skipped = self.env["crm.value.prediction"]._predict(basis, columns)
        nothing = np.zeros(len(columns["partner_id"]))
        columns |= dict.fromkeys(component._nightly_fields(), nothing)
        columns = self.env["crm.value.listening"]._add(basis, component._add_up(basis, columns))
        columns = self.env["crm.value.refresh"]._place(basis, columns, boundaries)
        assignment = self.env["crm.value.tier.assignment"]
        metrics = assignment._metric_columns(basis, columns, assignment._asked_metrics(rules))
        return columns | metrics, unreadable + skipped

    @api.model
    def _keep(self, company, day, rules, columns):
        """Store the month ends of a day, with the tiers that follow from today's rules; return how many there are."""
        Metric, writer = self.env["crm.value.tier.metric"], self.env["crm.value.writer"]
        metrics = self.env["crm.value.tier.assignment"]._asked_metrics(rules)
        kept = [name for name in self.env["crm.value"]._fields_with("kept_by", "snapshot") if name != "tier_id"]
        names = list(dict.fromkeys([*kept, *metrics]))
        kinds = [("partner_id", "int4"), *((name, KINDS[Metric._field(name).type]) for name in names)]
        incoming = writer._incoming_rows(_INCOMING, columns, kinds, company.currency_id.decimal_places)
        source = SQL(
            """
            SELECT value.id, value.partner_id, held.tier_id, held.tier_review_date, held.next_tier_id,
                   NULL::int AS locked_tier_id, NULL::int AS former_tier_id%(metrics)s
              FROM %(incoming)s incoming
              JOIN crm_value value ON value.partner_id = incoming.partner_id AND value.company_id = %(company)s
              LEFT JOIN %(held)s held ON held.id = value.id
            """,
            metrics=SQL().join(SQL(", incoming.%s", SQL.identifier(name)) for name in metrics),
            incoming=incoming,
            company=company.id,
            held=_HELD,
        )
        first, last = int(columns["partner_id"][0]), int(columns["partner_id"][-1])
        self.env.cr.execute(
            SQL(
                """
            WITH decision AS MATERIALIZED (%(decision)s), kept AS (
                INSERT INTO crm_value_snapshot (value_id, company_id, as_of_date, is_reconstructed, equity, source_id,
                                                tier_id, %(names)s)
                SELECT decision.id, %(company)s, %(day)s, TRUE, incoming.clv, acquired.source_id,
                       decision.decided_tier_id, %(values)s
                  FROM decision JOIN %(incoming)s incoming ON incoming.partner_id = decision.partner_id
                  LEFT JOIN (%(acquired)s) acquired ON acquired.partner_id = decision.partner_id
                 ORDER BY decision.partner_id
                ON CONFLICT (value_id, as_of_date) DO NOTHING
                RETURNING id
            ), held AS (
                INSERT INTO %(held)s AS held (id, tier_id, tier_review_date, next_tier_id, since)
                SELECT id, decided_tier_id, decided_review_date, decided_next_tier_id, %(day)s FROM decision
                ON CONFLICT (id) DO UPDATE
                   SET tier_id = excluded.tier_id, tier_review_date = excluded.tier_review_date,
                       next_tier_id = excluded.next_tier_id,
                       since = CASE WHEN held.tier_id IS NOT DISTINCT FROM excluded.tier_id THEN held.since
                                    ELSE excluded.since END
            )
            SELECT count(*) FROM kept
            """,
                decision=tier_rules.decide(rules, source, day),
                names=SQL(", ").join(map(SQL.identifier, kept)),
                company=company.id,
                day=day,
                values=SQL(", ").join(writer._incoming(name) for name in kept),
                incoming=incoming,
                acquired=self.env["crm.value.snapshot"]._select_acquired(
                    company, SQL("BETWEEN %s AND %s", first, last)
                ),
                held=_HELD,
            )
        )
        return self.env.cr.fetchone()[0]

    @api.model
    def _move_since(self, company, last):
        """Let customers hold their first tier since the month's end from which on they would have had it.

        Whoever moved between tiers after the first refresh, or has a tier by hand, keeps its day.
        """
        self.env.cr.execute(
            SQL(
                """
            UPDATE crm_value value SET tier_since = held.since
              FROM %(held)s held
             WHERE value.id = held.id AND value.company_id = %(company)s AND value.tier_id = held.tier_id
               AND value.tier_since > held.since AND held.since <= %(last)s
               AND EXISTS (SELECT FROM crm_value_tier_change change
                            WHERE change.value_id = value.id AND change.source = 'initial')
               AND NOT EXISTS (SELECT FROM crm_value_tier_change change
                                WHERE change.value_id = value.id AND change.source != 'initial')
               AND NOT EXISTS (SELECT FROM crm_value_tier_lock lock WHERE lock.value_id = value.id AND lock.active)
            """,
                held=_HELD,
                company=company.id,
                last=last,
            )
        )

from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.tools import SQL

from ..models.tiers import tier_rules
from .crm_value_tier_simulation_line import NO_TIER, OTHER_SET

#: customers per step: few enough for one request, and for a progress bar that advances
_STEP = 25_000
#: who reaches this share of what a tier asks for nearly qualifies
NEAR_SHARE = 0.9


class CrmValueTierSimulationPreview(models.AbstractModel):
    """Computes the preview of a simulation, step by step.

    How to use: `_start`, then `_step` until all customers are done, then `_finish`; all write to the simulation.

    How it works: a step decides for the next customers with the SELECT of the assignment (models/tiers/tier_rules.py).
    One statement keeps who would change tier (`crm.value.tier.simulation.move`) and returns sums by tier, which are
    added to the lines. The line of a tier also shows what its benefits would cost, at the rate of the last 12 months.
    """

    _name = "crm.value.tier.simulation.preview"
    _description = "Tier Simulation: Preview"

    @api.model
    def _start(self, simulation):
        """Forget an earlier preview."""
        self.env.cr.execute(SQL("DELETE FROM crm_value_tier_simulation_move WHERE simulation_id = %s", simulation.id))
        [[total]] = self.env.execute_query(
            SQL("SELECT count(*) FROM crm_value WHERE company_id = %s", simulation.company_id.id)
        )
        # sudo: not every manager may see the margins among these sums.
        simulation.line_ids.sudo().write(
            dict.fromkeys(
                (
                    "customers_now",
                    "customers_then",
                    "leaving",
                    "nearly",
                    "revenue_now",
                    "revenue_then",
                    "margin_now",
                    "margin_then",
                ),
                0,
            )
        )
        simulation.write({"total": total, "processed": 0, "next_partner_key": 0, "previewed_rules": False})
        simulation.flush_recordset()

    @api.model
    def _step(self, simulation, rules):
        """Decide for the next customers; return their number.

        :param rules: those of the simulation
        """
        # sudo: the figures of every customer count; only managers, who set the rules, have rights on a simulation.
        env, company, first = self.sudo().env, simulation.company_id, simulation.next_partner_key
        count, upper = env["crm.value.observation"]._next_batch(company, first, _STEP)
        if count:
            as_of = company._value_today()
            source = env["crm.value.tier.assignment"]._select_figures(
                company,
                as_of,
                rules,
                SQL("value.partner_id BETWEEN %s AND %s", first, upper),
                also=("revenue_12m", "margin_12m"),
            )
            source = env["crm.value.tier.simulation.counting"]._source(simulation, rules, source)
            self._add_up(
                simulation,
                self.env.execute_query(self._keep_changes(simulation, rules, tier_rules.decide(rules, source, as_of))),
            )
            simulation.write({"processed": simulation.processed + count, "next_partner_key": upper + 1})
        return count

    @api.model
    def _keep_changes(self, simulation, rules, decision):
        """Return the statement that keeps who changes tier, and returns sums by the tiers now and after.

        Columns: tier id now, tier id after, tier id nearly reached, customers, those of them in danger, revenue and
        margin of 12 months.
        """
        return SQL(
            """
            WITH decision AS MATERIALIZED (
                SELECT figures.*, (%(tiers)s)[%(near)s] AS near_tier_id FROM (%(decision)s) figures
            ), kept AS (
                INSERT INTO crm_value_tier_simulation_move
                       (simulation_id, value_id, from_tier_id, to_tier_id, direction, falls_on, revenue_12m, margin_12m,
                        create_uid, write_uid, create_date, write_date)
                SELECT %(simulation)s, id, move.from_tier_id, move.to_tier_id, move.direction, move.falls_on,
                       revenue_12m, margin_12m, %(user)s, %(user)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM decision CROSS JOIN LATERAL (
                       SELECT tier_id AS from_tier_id, decided_tier_id AS to_tier_id,
                              CASE WHEN tier_id IS NOT NULL AND current_level = 0 THEN NULL
                                   WHEN decided_level > current_level THEN 'up' ELSE 'down' END AS direction,
                              NULL::date AS falls_on
                        WHERE tier_id IS DISTINCT FROM decided_tier_id
                       UNION ALL
                       SELECT decided_tier_id, (%(tiers)s)[floor], 'later', decided_review_date
                        WHERE decided_review_date IS NOT NULL
                       UNION ALL
                       SELECT decided_tier_id, near_tier_id, 'near', NULL WHERE near_tier_id IS NOT NULL) move
            )
            SELECT tier_id, decided_tier_id, near_tier_id, count(*), count(decided_review_date), sum(revenue_12m),
                   sum(margin_12m)
              FROM decision GROUP BY 1, 2, 3
            """,
            decision=decision,
            tiers=SQL("%s::int[]", [rule.tier_id for rule in rules]),
            near=tier_rules.nearly_entered(rules, NEAR_SHARE),
            simulation=simulation.id,
            user=self.env.uid,
        )

    @api.model
    def _add_up(self, simulation, sums):
        """Add the sums of a step to the lines."""
        # sudo: the fields' groups hide the margins from managers who may not see them.
        lines = {line.tier_id.id or line.sequence: line for line in simulation.line_ids.sudo()}
        for now_id, then_id, near_id, customers, leaving, revenue, margin in sums:
            if near_id:
                lines[near_id].nearly += customers
            now = lines.get(now_id or NO_TIER) or lines.get(OTHER_SET) or lines[NO_TIER]
            now.customers_now += customers
            now.revenue_now += float(revenue)
            now.margin_now += float(margin)
            then = lines[then_id or NO_TIER]
            then.customers_then += customers
            then.leaving += leaving
            then.revenue_then += float(revenue)
            then.margin_then += float(margin)

    @api.model
    def _finish(self, simulation):
        """Write the totals, what the benefits would cost, and the rules that were previewed."""
        self.env["crm.value.tier.simulation.move"].invalidate_model()
        sums = {
            direction: (count, revenue, margin)
            for direction, count, revenue, margin in self.env.execute_query(
                SQL(
                    """
            SELECT direction, count(*), sum(revenue_12m), sum(margin_12m)
              FROM crm_value_tier_simulation_move WHERE simulation_id = %s GROUP BY 1
            """,
                    simulation.id,
                )
            )
        }
        up, down, later, near = (sums.get(direction, (0, 0, 0)) for direction in ("up", "down", "later", "near"))
        # sudo: the fields' groups hide margins and costs from managers who may not see them.
        simulation.sudo().write(
            {
                "move_count": up[0] + down[0] + sums.get(None, (0,))[0],
                "later_count": later[0],
                "later_known_count": self._count_known_falls(simulation),
                "near_count": near[0],
                "up_count": up[0],
                "down_count": down[0],
                "switch_count": sums.get(None, (0,))[0],
                "revenue_up": up[1],
                "revenue_down": down[1],
                "margin_up": up[2],
                "margin_down": down[2],
                "lost_benefits": self._describe_lost_benefits(simulation),
                "previewed_rules": simulation._rules_key(),
            }
        )
        rates = self._benefit_cost_rates(simulation.company_id)
        for line in simulation.line_ids.sudo():  # sudo: as above
            line.benefit_cost_rate = rates.get(line.tier_id, 0.0)

    @api.model
    def _count_known_falls(self, simulation):
        """Return how many of those who would fall later have been told so by the rules in use."""
        return self.env["crm.value.tier.simulation.move"].search_count(
            [
                ("simulation_id", "=", simulation.id),
                ("direction", "=", "later"),
                ("value_id.tier_review_date", "!=", False),
            ]
        )

    @api.model
    def _describe_lost_benefits(self, simulation):
        """Return what customers would lose who rise, or go over to the other set of tiers: a line per pair of tiers."""
        Tier, Comparison = self.env["crm.value.tier"], self.env["crm.value.benefit.comparison"]
        pairs = self.env.execute_query(
            SQL(
                """
            SELECT from_tier_id, to_tier_id, count(*) FROM crm_value_tier_simulation_move
             WHERE simulation_id = %s AND from_tier_id IS NOT NULL AND to_tier_id IS NOT NULL
               AND COALESCE(direction, 'up') = 'up'
             GROUP BY from_tier_id, to_tier_id ORDER BY count(*) DESC, from_tier_id, to_tier_id
            """,
                simulation.id,
            )
        )
        lines = []
        for from_id, to_id, count in pairs:
            before, after = Tier.browse(from_id), Tier.browse(to_id)
            lost = Comparison._missing(after, before)
            if lost:
                lines.append(
                    self.env._(
                        "%(before)s → %(after)s (%(count)s customers): %(benefits)s",
                        before=before.name,
                        after=after.name,
                        count=count,
                        benefits=Comparison._in_words(lost),
                    )
                )
        return "\n".join(lines) or False

    @api.model
    def _benefit_cost_rates(self, company):
        """Return for each tier what its benefits cost per revenue of its orders, confirmed in the last 12 months."""
        since = company._value_today() - relativedelta(years=1, day=1)
        self.env.flush_all()
        # sudo: the rates go into a field that only users who may see margins can read.
        costs = (
            self.env["crm.value.tier.cost"]
            .sudo()
            ._read_group([("company_id", "=", company.id), ("month", ">=", since)], ["tier_id"], ["cost:sum"])
        )
        revenue = dict(
            self.env.execute_query(
                SQL(
                    """
            SELECT value_tier_id, sum(amount_untaxed / COALESCE(NULLIF(currency_rate, 0), 1)) FROM sale_order
             WHERE company_id = %s AND state = 'sale' AND value_tier_id IS NOT NULL AND date_order >= %s
             GROUP BY value_tier_id
            """,
                    company.id,
                    since,
                )
            )
        )
        return {tier: cost / float(revenue[tier.id]) for tier, cost in costs if revenue.get(tier.id, 0) > 0}

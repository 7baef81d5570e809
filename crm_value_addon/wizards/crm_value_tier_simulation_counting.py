from odoo import Command, api, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from ..models.counting.crm_value_counting import Supposition
from ..models.refresh.basis import Basis

#: up to so many customers are placed among all others; beyond, by the boundaries of the last refresh, some at a time
_AT_ONCE = 200_000
#: the mark of products and categories → the fields of a simulation that say which have it
MARKS = {
    "value_no_purchase": ("no_purchase_product_ids", "no_purchase_category_ids"),
    "value_not_for_tiers": ("not_for_tiers_product_ids", "not_for_tiers_category_ids"),
}


class _Undo(Exception):
    """Rolls back what was recorded for the sake of a question."""


class CrmValueTierSimulationCounting(models.AbstractModel):
    """What would count, in a simulation of tiers: which journals, products and categories, invoiced or paid.

    How to use: `_defaults` for a new simulation; `_prepare` before a preview, `_source` within it; `_apply` when the
    simulation is applied.

    How it works: the figures are computed by the steps of a refresh, as if the other settings held
    (`crm.value.counting._suppose`): documents with products that change are recorded again, the customers are
    computed, and all of that is rolled back. What a simulation keeps are the figures that differ. The company's only
    writer does it, so that no refresh is in the way of it, or it of a refresh.
    """

    _name = "crm.value.tier.simulation.counting"
    _description = "Tier Simulation: What Counts"

    # the settings of a simulation

    @api.model
    def _defaults(self, company):
        """Return what counts now, as values of a simulation."""
        # sudo: it decides the same for everybody
        env = self.sudo().env
        vals = {
            "tiers_count": company.sudo().value_tiers_count,
            "journal_ids": [Command.set(self._left_out(company).ids)],
        }
        for mark, (products, categories) in MARKS.items():
            found = env["product.template"].with_context(active_test=False).search([(mark, "=", True)])
            vals[products] = [Command.set(found.ids)]
            vals[categories] = [Command.set(env["product.category"].search([(mark, "=", True)]).ids)]
        return vals

    @api.model
    def _left_out(self, company):
        # sudo: as above
        journals = self.env["account.journal"].sudo().with_context(active_test=False)
        return journals.search([("company_id", "=", company.id), ("value_counting", "!=", "counts")])

    @api.model
    def _key(self, simulation):
        """Return what would count as a value that can be compared."""
        names = ["journal_ids", *(name for pair in MARKS.values() for name in pair)]
        return simulation.tiers_count, *(tuple(sorted(simulation[name]._origin.ids)) for name in names)

    @api.model
    def _is_changed(self, simulation):
        """Tell whether something else would count than what counts now."""
        return self._key(simulation) != self._key(
            simulation.new({"company_id": simulation.company_id.id, **self._defaults(simulation.company_id)})
        )

    @api.model
    def _supposition(self, simulation):
        """Return what would count, and which products would change."""
        Counting = self.env["crm.value.counting"]
        journals = {kind: set(Counting._journal_ids((kind,))) for kind in ("receivables", "nothing")}
        left_out, now = set(simulation.journal_ids.ids), set(self._left_out(simulation.company_id).ids)
        journals = {kind: ids - (now - left_out) for kind, ids in journals.items()}
        journals["receivables"] |= left_out - now
        templates = {
            mark: Counting._templates_of(simulation[products], simulation[categories])
            for mark, (products, categories) in MARKS.items()
        }
        changed = set().union(*(set(ids) ^ set(Counting._template_ids(mark)) for mark, ids in templates.items()))
        return Supposition({kind: tuple(sorted(ids)) for kind, ids in journals.items()}, templates), sorted(changed)

    # the figures

    @api.model
    def _prepare(self, simulation, rules):
        """Compute and keep the figures that rules would decide by, where they differ from those that customers have.

        :raise UserError: a refresh of the company is under way
        """
        self.env.cr.execute(SQL("DELETE FROM crm_value_tier_simulation_figure WHERE simulation_id = %s", simulation.id))
        names = self.env["crm.value.tier.assignment"]._asked_metrics(rules)
        if not names or not self._is_changed(simulation):
            return
        company = simulation.company_id
        # sudo: only the refresh computes figures; only managers, who set the rules, have rights on a simulation.
        alone = self.sudo().with_company(company).with_context(allowed_company_ids=company.ids)
        if not alone.env["crm.value.scheduler"]._is_writer(company):
            raise UserError(self.env._("The figures are being refreshed at the moment. Try again in a minute."))
        supposition, changed = alone._supposition(simulation.sudo())
        parts = []
        alone.env.flush_all()
        try:
            with alone.env.cr.savepoint(flush=False), alone.env["crm.value.counting"]._suppose(supposition):
                if changed:
                    alone.env["crm.value.counting"]._recount(company, changed, lambda: None)
                parts = [*alone._compute(company, simulation.tiers_count, names)]
                raise _Undo
        except _Undo:
            alone.env.transaction.clear()
        for partner_ids, figures in parts:
            self._keep(simulation, names, partner_ids, figures)

    @api.model
    def _compute(self, company, counted, names):
        """Yield (partner ids, dict of metric → array) of all customers of a company, as what is supposed would have
        it."""
        Refresh, Assignment = self.env["crm.value.refresh"], self.env["crm.value.tier.assignment"]
        as_of, first, boundaries = company._value_today(), 0, None
        [[total]] = self.env.execute_query(SQL("SELECT count(*) FROM crm_value WHERE company_id = %s", company.id))
        if total > _AT_ONCE:
            boundaries = self.env["crm.value.run"]._last_boundaries(company)
        while True:
            count, upper = self.env["crm.value.observation"]._next_batch(company, first, _AT_ONCE)
            if not count:
                return
            basis = Basis(company, as_of, counted=counted, span=(first, upper) if boundaries else None)
            columns, _skipped = Refresh._compute(basis)
            columns = Refresh._place(basis, columns, boundaries or Refresh._boundaries(basis, columns))
            yield columns["partner_id"], Assignment._metric_columns(basis, columns, names)
            if not boundaries:
                return
            first = upper + 1

    @api.model
    def _keep(self, simulation, names, partner_ids, figures):
        Assignment = self.env["crm.value.tier.assignment"]
        as_of = simulation.company_id._value_today()
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value_tier_simulation_figure
                   (simulation_id, value_id, figures, create_uid, write_uid, create_date, write_date)
            SELECT %(simulation)s, value.id, jsonb_build_object(%(pairs)s), %(user)s, %(user)s,
                   now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
              FROM unnest(%(partners)s::int[]%(arrays)s) AS supposed(partner_id%(columns)s)
              JOIN crm_value value ON value.partner_id = supposed.partner_id AND value.company_id = %(company)s
             WHERE %(differs)s
            """,
                simulation=simulation.id,
                user=self.env.uid,
                company=simulation.company_id.id,
                partners=partner_ids.tolist(),
                arrays=SQL().join(SQL(", %s::float8[]", figures[name].tolist()) for name in names),
                columns=SQL().join(SQL(", %s", SQL.identifier(name)) for name in names),
                pairs=SQL(", ").join(SQL("%s, supposed.%s", name, SQL.identifier(name)) for name in names),
                differs=SQL(" OR ").join(
                    SQL(
                        "abs(supposed.%s - (%s)::float8) > 0.00005",
                        SQL.identifier(name),
                        Assignment._metric_to_sql(name, as_of),
                    )
                    for name in names
                ),
            )
        )

    @api.model
    def _source(self, simulation, rules, source):
        """Return a source of models/tiers/tier_rules.py with the figures that customers would have."""
        if not self._is_changed(simulation):
            return source
        kept = ("id", "partner_id", "tier_id", "tier_review_date", "next_tier_id", "locked_tier_id", "former_tier_id")
        names = self.env["crm.value.tier.assignment"]._asked_metrics(rules, ("revenue_12m", "margin_12m"))
        asked = set(self.env["crm.value.tier.assignment"]._asked_metrics(rules))
        return SQL(
            """SELECT %s FROM (%s) base LEFT JOIN crm_value_tier_simulation_figure supposed
                   ON supposed.value_id = base.id AND supposed.simulation_id = %s""",
            SQL(", ").join(
                [
                    *(SQL.identifier("base", name) for name in kept),
                    *(
                        SQL(
                            "COALESCE((supposed.figures->>%s)::numeric, %s::numeric) AS %s",
                            name,
                            SQL.identifier("base", name),
                            SQL.identifier(name),
                        )
                        if name in asked
                        else SQL.identifier("base", name)
                        for name in names
                    ),
                ]
            ),
            source,
            simulation.id,
        )

    # applying

    @api.model
    def _apply(self, simulation):
        """Write what would count to the settings, where it differs; the next refresh follows them.

        :raise AccessError: the user may not change the settings, journals, products or categories that differ
        """
        company = simulation.company_id
        if company.value_tiers_count != simulation.tiers_count:
            company.value_tiers_count = simulation.tiers_count
        left_out = self._left_out(company).sudo(False)
        (simulation.journal_ids - left_out).value_counting = "receivables"
        (left_out - simulation.journal_ids).value_counting = "counts"
        for mark, names in MARKS.items():
            for name in names:
                chosen = simulation[name]
                marked = chosen.with_context(active_test=False).search([(mark, "=", True)])
                (chosen - marked).write({mark: True})
                (marked - chosen).write({mark: False})

    @api.model
    def _check_can_be_planned(self, simulation):
        """Refuse to plan what only holds at once.

        :raise ValidationError: journals, products or categories would count otherwise
        """
        kept = self._defaults(simulation.company_id) | {"tiers_count": simulation.tiers_count}
        now = simulation.new({"company_id": simulation.company_id.id, **kept})
        if self._key(simulation) != self._key(now):
            raise ValidationError(
                self.env._(
                    "What journals, products and categories count as cannot be planned for a day: set it back, or "
                    "apply it at once."
                )
            )

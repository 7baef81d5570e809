import numpy as np

from odoo import api, fields, models
from odoo.tools import SQL

from ...lib import lifecycle
from ...lib.postgres.binary_copy import copy_out, day_number


class CrmValueLifecycle(models.Model):
    """The stage of a customer in its life with the company (the rule: lib/lifecycle.py; thresholds: the settings).

    Stages that follow from purchases are as of any refresh. Lead and prospect follow from opportunities and
    quotations, which only the refresh of all customers looks at; a customer refreshed alone keeps those until then.
    """

    _inherit = "crm.value"

    previous_purchase_date = fields.Date(
        string="Previous Purchase", readonly=True, help="The purchase day before the last one")
    lifecycle_stage = fields.Selection(
        [("lead", "Lead"), ("prospect", "Prospect"), ("new", "New"), ("active", "Active"), ("loyal", "Loyal"),
         ("at_risk", "At risk"), ("lost", "Lost"), ("won_back", "Won back")],
        string="Lifecycle", readonly=True,
        help="Lead: open opportunity. Prospect: quotation sent, or a promising opportunity. Then by the customer's own "
             "rhythm of buying, with the thresholds in the settings. Lead and prospect are as of the last nightly "
             "refresh.")
    lifecycle_since = fields.Date(
        string="Stage since", readonly=True, help="Empty while the stage is the first one known")

    @api.model
    def _refreshed_fields(self):
        return [*super()._refreshed_fields(), "previous_purchase_date", "lifecycle_stage"]

    def _history(self, company, as_of, partner_ids=None):
        history = super()._history(company, as_of, partner_ids)
        history["interest"] = self._interest(company, history, stored=partner_ids is not None)
        return history

    @api.model
    def _interest(self, company, history, stored):
        """Return for each customer 0, 1 (lead) or 2 (prospect), for those who have not bought.

        :param stored: keep what the last refresh of all customers found
        """
        customers = history["partner_id"]
        strangers = customers[history["purchase_count"] == 0].tolist()
        query = self._select_stored_interest(company, strangers) if stored \
            else self._select_interest(company, strangers)
        found = copy_out(self.env.cr, SQL(
            "SELECT partner_id::int4, max(interest)::int2 FROM (%s) interested GROUP BY partner_id", query),
            [("partner", "int4"), ("interest", "int2")])
        interest = np.zeros(len(customers), np.int16)
        interest[np.searchsorted(customers, found["partner"])] = found["interest"]
        return interest

    @api.model
    def _select_stored_interest(self, company, partner_ids):
        return SQL(
            """SELECT partner_id, CASE lifecycle_stage WHEN 'lead' THEN 1 ELSE 2 END AS interest FROM crm_value
                WHERE company_id = %s AND partner_id = ANY(%s) AND lifecycle_stage IN ('lead', 'prospect')""",
            company.id, partner_ids)

    @api.model
    def _select_interest(self, company, partner_ids):
        """Return the SELECT of (partner_id, 1 lead or 2 prospect) over open opportunities and quotations.

        A draft quotation is a lead's; a quotation that was sent, or an order not yet invoiced, a prospect's.
        """
        return SQL(
            """
            SELECT partner.commercial_partner_id AS partner_id,
                   CASE WHEN sale.state = 'draft' THEN 1 ELSE 2 END AS interest
              FROM sale_order sale JOIN res_partner partner ON partner.id = sale.partner_id
             WHERE sale.company_id = %(company)s AND sale.state != 'cancel'
               AND partner.commercial_partner_id = ANY(%(partners)s)
            UNION ALL
            SELECT partner.commercial_partner_id,
                   CASE WHEN lead.automated_probability >= %(promising)s THEN 2 ELSE 1 END
              FROM %(leads)s lead
              JOIN res_partner partner ON partner.id = lead.partner_id
             WHERE partner.commercial_partner_id = ANY(%(partners)s)
            """,
            company=company.id, leads=self.env["crm.lead"]._select_of_company(company, only_open=True),
            partners=partner_ids, promising=company.value_prospect_probability)

    def _predict_by_history(self, company, history):
        predicted = super()._predict_by_history(company, history)
        unknown = np.full(len(history["partner_id"]), np.nan)
        return predicted | {"alive": unknown, "alive_before": unknown.copy()}

    def _predict_by_model(self, company, as_of, fit, history):
        """Add the probability of being alive, and the one just before the last purchase: was it a return?"""
        predicted = super()._predict_by_model(company, as_of, fit, history)
        again = history["frequency"] > 0
        before = np.full(len(again), np.nan)
        if again.any():
            model, _spend = fit._estimators()
            first, previous, last = (
                history[f"{name}_purchase_date"][again].astype(float) for name in ("first", "previous", "last"))
            before[again] = model.probability_alive(
                history["frequency"][again] - 1.0, previous - first, last - first)
        return predicted | {"alive": predicted["probability_alive"], "alive_before": before}

    @api.model
    def _boundaries(self, company, as_of, frame):
        return super()._boundaries(company, as_of, frame) | {"interval": lifecycle.typical_interval(
            frame["purchase_count"], frame["first_purchase_date"], frame["last_purchase_date"])}

    @api.model
    def _rank(self, company, as_of, frame, boundaries):
        frame = super()._rank(company, as_of, frame, boundaries)
        frame["lifecycle_stage"] = lifecycle.stages(
            {**frame, "satisfied": self._are_satisfied(company, frame)}, day_number(as_of),
            boundaries.get("interval", lifecycle.DEFAULT_INTERVAL), company._lifecycle_thresholds())
        return frame

    @api.model
    def _are_satisfied(self, company, frame):
        """Hook: whose ratings do not speak against calling it loyal; everybody where there are no ratings."""
        return np.ones(len(frame["partner_id"]), bool)

    @api.model
    def _derived_assignments(self, as_of):
        """The day of a change of stage; not of a first stage, which may have begun at any time before."""
        return [*super()._derived_assignments(as_of), SQL(
            """lifecycle_since = CASE WHEN value.lifecycle_stage IS NOT NULL AND value.lifecycle_stage
                   IS DISTINCT FROM %s THEN %s::date ELSE value.lifecycle_since END""",
            self._incoming("lifecycle_stage"), as_of)]

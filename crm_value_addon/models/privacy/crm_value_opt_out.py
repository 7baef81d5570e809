import numpy as np

from odoo import api, fields, models
from odoo.tools import SQL

from ...lib.columns import take
from ...lib.postgres.binary_copy import NO_DATE


class CrmValueOptOut(models.AbstractModel):
    """Customers who want no evaluation: observed totals only, no prediction, no rank, no stage, no tier.

    How to use: the refresh calls `_leave_out` before it compares customers and `_withhold` after it; the contact calls
    `_apply` when somebody ticks or unticks *Opt Out of Scoring*.

    How it works: a field that is kept for these customers says so itself (``opt_out="kept"`` in models/crm_value.py);
    everything else that a refresh computes is concluded from the books, and emptied. The tier is withheld where it is
    decided (models/tiers/tier_rules.py), a caution flag where it is raised, explanations where they are made.
    """

    _name = "crm.value.opt.out"
    _description = "Customer Value: Opt Out of Scoring"

    @api.model
    def _apply(self, partners):
        """End the follow-ups of contacts that opted out, and compute the figures of these customers again.

        Whoever is scored again has earned nothing by it: its tier comes back without gift, mail and activity.
        """
        # sudo: the wish holds in every company that knows the contact, also in those that the user does not see.
        env = self.sudo().env
        customers = partners.sudo().filtered(lambda partner: partner == partner.commercial_partner_id)
        values = customers.with_context(active_test=False).value_ids
        env["crm.value.followup"].search(
            [
                ("value_id", "in", values.ids),
                ("state", "=", "open"),
                ("partner_id.value_opt_out", "=", True),
            ]
        )._close(fields.Date.context_today(self))
        back = values.filtered(lambda value: not value.partner_id.value_opt_out)
        env["crm.value.tier.assignment"]._set_cause("resumed", SQL("value.id = ANY(%s)", back.ids))
        for company, of_company in values.grouped("company_id").items():
            env["crm.value.scheduler"]._refresh_or_enqueue(of_company.partner_id, company)

    @api.model
    def _leave_out(self, columns):
        """Return the columns without the customers who want no evaluation."""
        silent = self._are_opted_out(columns)
        # hardly anybody, and a copy of all columns would be the peak of a refresh
        return take(columns, ~silent) if silent.any() else columns

    @api.model
    def _withhold(self, columns):
        """Empty what was concluded about customers who want no evaluation."""
        silent = self._are_opted_out(columns)
        if silent.any():
            Value = self.env["crm.value"]
            for name in set(Value._refreshed_fields()) - set(Value._fields_with("opt_out", "kept")):
                nothing = NO_DATE if Value._fields[name].type == "date" else 0
                columns[name] = np.where(silent, nothing, columns[name])
        return columns

    @api.model
    def _are_opted_out(self, columns):
        """Return for each customer whether it wants no evaluation."""
        self.env.flush_all()
        rows = self.env.execute_query(SQL("SELECT id FROM res_partner WHERE value_opt_out"))
        return np.isin(columns["partner_id"], np.array([partner_id for [partner_id] in rows], np.int64))

    @api.model
    def _where_evaluated(self, alias):
        """Return the condition that the customer of a row of `crm_value` may be evaluated."""
        return SQL(
            "NOT EXISTS (SELECT FROM res_partner WHERE id = %s AND value_opt_out)", SQL.identifier(alias, "partner_id")
        )

import numpy as np

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..lib.postgres import binary_copy

#: the customer pyramid from its top, in percent of the customers; the lowest tier takes the rest
_PYRAMID = (1.0, 4.0, 15.0)


class CrmValueTierSimulation(models.TransientModel):
    """The thresholds that give every tier its wished share of the customers."""

    _inherit = "crm.value.tier.simulation"

    proposal_metric = fields.Selection(
        selection=lambda self: self.env["crm.value.tier.criterion"]._selection_metric(), string="By",
        default="revenue_12m", required=True)

    @api.constrains("proposal_metric")
    def _check_proposal_metric(self):
        for wizard in self:
            self.env["crm.value.tier.criterion"]._check_metric(wizard.proposal_metric)

    @api.model
    def _pyramid(self, count):
        """Return the wished shares of so many tiers, from the highest to the lowest."""
        shares = list(_PYRAMID[:max(count - 1, 0)])
        shares += [0.0] * (count - 1 - len(shares))
        return [*shares, 100.0 - sum(shares)] if count else []

    def action_propose(self):
        """Replace the thresholds of the used tiers by those that give the wished shares of customers."""
        self.ensure_one()
        self.check_access("write")
        figures = self._read_figures()
        lines = self.line_ids.filtered(lambda line: line.is_used and line.tier_id).sorted("sequence")
        commands = [Command.unlink(line.id) for line in self.criterion_ids if line.tier_id in lines.tier_id]
        share, lower = sum(lines.mapped("wished_share")), None
        for line in lines:
            lower = self._threshold(figures, share, lower)
            share -= line.wished_share
            metric, threshold = ("purchase_count", 1) if lower is None else (self.proposal_metric, lower)
            commands.append(Command.create({
                "tier_id": line.tier_id.id, "metric": metric, "enter_min": threshold, "keep_min": threshold}))
        self.criterion_ids = commands
        return self._reopen()

    def _read_figures(self):
        """Return the figure of the proposal of each customer that has bought, sorted."""
        # sudo: the figures of every customer count; the wizard is for those who set the rules.
        metric = self.env["crm.value.tier.assignment"]._metric_to_sql(
            self.proposal_metric, self.company_id._value_today())
        figures = binary_copy.copy_out(self.env.cr, SQL(
            "SELECT (%s)::float8 FROM crm_value value WHERE value.company_id = %s AND value.purchase_count > 0",
            metric, self.company_id.id), [("figure", "float8")])["figure"]
        if not len(figures):
            raise UserError(self.env._("No customer of %(company)s has bought yet.", company=self.company_id.name))
        return np.sort(figures)

    @api.model
    def _threshold(self, figures, share, lower):
        """Return the least figure of the upper share (in percent) of the customers, above a lower tier's threshold.

        :return: None when everybody belongs to it
        """
        count = int(round(len(figures) * min(share, 100.0) / 100.0))
        if lower is None and count >= len(figures):
            return None
        threshold = figures[-count] if count else figures[-1] + 1
        if lower is not None and threshold <= lower:
            higher = figures[figures > lower]
            threshold = higher[0] if len(higher) else lower + 1
        return float(np.floor(threshold * 100) / 100)

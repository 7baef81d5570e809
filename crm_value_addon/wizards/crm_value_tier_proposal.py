import numpy as np

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..lib.postgres import binary_copy

#: the customer pyramid from its top, in percent of the customers; the lowest tier takes the rest
_PYRAMID = (1.0, 4.0, 15.0)


class CrmValueTierProposal(models.AbstractModel):
    """Finds the thresholds that give each tier a target share of the customers.

    How to use: `_pyramid` returns the usual shares of a number of tiers, `_thresholds` the thresholds for shares.

    How it works: the thresholds are quantiles of the figures of all customers who have bought, rounded down to cents.
    Where many customers have the same figure, the next higher one separates two tiers.
    """

    _name = "crm.value.tier.proposal"
    _description = "Loyalty Tiers: Proposal"

    @api.model
    def _pyramid(self, count):
        """Return the usual shares of a number of tiers in percent, from the highest tier to the lowest."""
        shares = list(_PYRAMID[: max(count - 1, 0)])
        shares += [0.0] * (count - 1 - len(shares))
        return [*shares, 100.0 - sum(shares)] if count else []

    @api.model
    def _thresholds(self, company, metric, shares):
        """Return the threshold of each tier, None for a tier that every customer enters.

        :param metric: name of the metric that tiers will ask for
        :param shares: target shares of the tiers in percent, from the lowest tier to the highest
        :raise UserError: no customer has bought yet
        """
        figures = self._read_figures(company, metric)
        share, threshold, thresholds = sum(shares), None, []
        for of_tier in shares:
            threshold = self._threshold(figures, share, threshold)
            thresholds.append(threshold)
            share -= of_tier
        return thresholds

    @api.model
    def _read_figures(self, company, metric):
        """Return the figures of all customers who have bought, sorted."""
        figure = self.env["crm.value.tier.assignment"]._metric_to_sql(metric, company._value_today())
        figures = binary_copy.copy_out(
            self.env.cr,
            SQL(
                "SELECT (%s)::float8 FROM crm_value value WHERE value.company_id = %s AND value.purchase_count > 0",
                figure,
                company.id,
            ),
            [("figure", "float8")],
        )["figure"]
        if not len(figures):
            raise UserError(self.env._("No customer of %(company)s has bought yet.", company=company.name))
        return np.sort(figures)

    @api.model
    def _threshold(self, figures, share, lower):
        """Return the least figure of the upper share of the customers, above the threshold of the tier below.

        :param share: in percent
        :param lower: threshold of the tier below, None without one
        :return: None when every customer belongs to the share
        """
        count = int(round(len(figures) * min(share, 100.0) / 100.0))
        if lower is None and count >= len(figures):
            return None
        threshold = figures[-count] if count else figures[-1] + 1
        if lower is not None and threshold <= lower:
            higher = figures[figures > lower]
            threshold = higher[0] if len(higher) else lower + 1
        return float(np.floor(threshold * 100) / 100)

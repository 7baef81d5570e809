import numpy as np

from odoo import api, fields, models
from odoo.tools import SQL

from ...const import MARGIN_GROUP
from ...lib import components
from ...lib.postgres.binary_copy import copy_out, day_number


class CrmValueReferralValue(models.Model):
    """Referral value: a share of what the referred customers are expected to buy in the months left of their first N.

    One level only: whoever a referred customer has referred in turn counts for that customer alone.
    """

    _inherit = "crm.value"

    referred_count = fields.Integer(string="Referred Customers", compute="_compute_referred")
    referred_realised_value = fields.Monetary(
        string="Realised by Referred Customers", compute="_compute_referred", groups=MARGIN_GROUP,
        help="Margin less cost to serve so far of the customers that this one brought: part of their value")

    @api.depends("partner_id")
    def _compute_referred(self):
        for value in self:
            # sudo: the sum over customers of the same company, whoever is their salesperson.
            referred = self.sudo().search(value._referred_domain())
            value.referred_count = len(referred)
            value.referred_realised_value = sum(referred.mapped("realised_value"))

    def _referred_domain(self):
        self.ensure_one()
        # Step by step, each by an index: of one path through contacts the planner may join all of them.
        # sudo: what the user may not see is left out where the domain is searched.
        Partner = self.env["res.partner"].sudo().with_context(active_test=False)
        contacts = Partner.search([("commercial_partner_id", "=", self.partner_id.id)])
        referred = Partner.search([("referred_by_id", "in", contacts.ids)])
        return [("company_id", "=", self.company_id.id), ("partner_id", "in", referred.ids)]

    def _customer_sources(self, company):
        sources = super()._customer_sources(company)
        if not self._counts_referrals(company):
            return sources
        # Who brings customers is one of the company's, also without a purchase of its own.
        return [*sources, SQL(
            """SELECT referral.referrer_id AS partner_id
                 FROM (%s) referral JOIN account_move move ON move.commercial_partner_id = referral.partner_id
                WHERE move.company_id = %s AND %s""",
            self._select_referrals(), company.id, self.env["crm.value.purchase"]._where_document("move"))]

    @api.model
    def _counts_referrals(self, company):
        return bool(company.value_referral_share and company.value_referral_months)

    @api.model
    def _select_referrals(self):
        """Return the SELECT of who brought whom: partner_id, referrer_id, both commercial partners."""
        return SQL(
            """
            SELECT referred.id AS partner_id, referrer.commercial_partner_id AS referrer_id
              FROM res_partner referred JOIN res_partner referrer ON referrer.id = referred.referred_by_id
             WHERE referred.id = referred.commercial_partner_id AND referrer.commercial_partner_id != referred.id
            """)

    @api.model
    def _nightly_parts(self, company, as_of, frame):
        parts = super()._nightly_parts(company, as_of, frame)
        if not self._counts_referrals(company):
            return parts
        found = copy_out(
            self.env.cr, SQL("SELECT partner_id::int4, referrer_id::int4 FROM (%s) referral", self._select_referrals()),
            [("referred", "int4"), ("referrer", "int4")])
        bought = frame["partner_id"][frame["purchase_count"] > 0]
        known = np.isin(found["referred"], bought)
        referred, referrers = found["referred"][known], found["referrer"][known]
        rows = np.searchsorted(frame["partner_id"], referred)
        worth = self._first_months_value(company, as_of, self._take(frame, rows)) * company.value_referral_share
        return parts | {"referral_value": self._spread(frame["partner_id"], referrers, worth)}

    @api.model
    def _first_months_value(self, company, as_of, frame):
        """Return the transaction value of customers over what is left of their first months with the company."""
        left = components.months_left(
            day_number(as_of) - frame["first_purchase_date"], company.value_referral_months)
        left = np.minimum(left, company.value_horizon_months)
        worth = np.zeros(len(left))
        for months in np.unique(left[left > 0]).tolist():
            chosen = left == months
            worth[chosen] = self.with_context(value_horizon=months)._estimate(
                company, as_of, self._take(frame, chosen))["transaction_value"]
        return worth

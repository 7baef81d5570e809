from dataclasses import replace

import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib import components
from ...lib.columns import join, sum_per_customer, take
from ...lib.postgres.binary_copy import copy_out, day_number


class CrmValueReferralValue(models.AbstractModel):
    """Referral value: a share of what the referred customers are expected to buy in the months left of their first N.

    One level only: whoever a referred customer has referred in turn counts for that customer alone.
    """

    _name = "crm.value.referral.value"
    _description = "Customer Value: Referrals"

    @api.model
    def _find(self, basis, columns):
        """Return the referral value of all customers (see `crm.value.component._find`)."""
        if not self._counts_referrals(basis.company):
            return {}
        found = copy_out(
            self.env.cr,
            SQL(
                "SELECT partner_id::int4, referrer_id::int4 FROM (%s) referral WHERE %s",
                self._select_referrals(),
                basis.where(SQL("referrer_id")),
            ),
            [("referred", "int4"), ("referrer", "int4")],
        )
        observed = self._observed_of(basis, columns, found["referred"]) if basis.span else columns
        bought = observed["partner_id"][observed["purchase_count"] > 0]
        known = np.isin(found["referred"], bought)
        referred, referrers = found["referred"][known], found["referrer"][known]
        rows = np.searchsorted(observed["partner_id"], referred)
        worth = self._first_months_value(basis, take(observed, rows)) * basis.company.value_referral_share
        return {"referral_value": sum_per_customer(columns["partner_id"], referrers, worth)}

    @api.model
    def _observed_of(self, basis, columns, referred):
        """Return the observed figures of a span's customers, and of the referred ones who lie outside of it.

        :param dict columns: the customers of the span
        """
        others = np.setdiff1d(referred, columns["partner_id"])
        if not len(others):
            return columns
        elsewhere = self.env["crm.value.observation"]._observe(replace(basis, span=None, partner_ids=others.tolist()))
        both = join([{name: columns[name] for name in elsewhere if name in columns}, elsewhere])
        return take(both, np.argsort(both["partner_id"]))

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
            """
        )

    @api.model
    def _select_referrers(self, company):
        """Return the SELECT of partner_id of those who brought a customer; None where referrals do not count.

        They are the company's customers, also without a purchase of their own.
        """
        return (
            SQL(
                """SELECT referral.referrer_id AS partner_id
                 FROM (%s) referral JOIN account_move move ON move.commercial_partner_id = referral.partner_id
                WHERE move.company_id = %s AND %s""",
                self._select_referrals(),
                company.id,
                self.env["crm.value.purchase"]._where_document("move"),
            )
            if self._counts_referrals(company)
            else None
        )

    @api.model
    def _first_months_value(self, basis, columns):
        """Return the transaction value of customers over what is left of their first months with the company."""
        company = basis.company
        left = components.months_left(
            day_number(basis.as_of) - columns["first_purchase_date"], company.value_referral_months
        )
        left = np.minimum(left, company.value_horizon_months)
        Prediction, fit = self.env["crm.value.prediction"], self.env["crm.value.fit"]._current(company)
        worth = np.zeros(len(left))
        for months in np.unique(left[left > 0]).tolist():
            chosen = left == months
            worth[chosen] = Prediction._predict_some(replace(basis, horizon=months), fit, take(columns, chosen))[
                "transaction_value"
            ]
        return worth

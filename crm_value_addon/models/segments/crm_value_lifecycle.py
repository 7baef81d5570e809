from datetime import timedelta

import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib import lifecycle
from ...lib.postgres.binary_copy import copy_out, day_number

#: a quotation without an end of its own shows interest for so long
_QUOTATION_DAYS = 365


class CrmValueLifecycle(models.AbstractModel):
    """The stage of a customer in its life with the company (the rule: lib/lifecycle.py; thresholds: the settings).

    How to use: `_interest` belongs to the observation, `_stage` is a step of a refresh.

    How it works: stages that follow from purchases are as of any refresh. Lead and prospect follow from opportunities
    and quotations, which only the refresh of all customers looks at; a customer refreshed alone keeps those until then.
    """

    _name = "crm.value.lifecycle"
    _description = "Customer Value: Lifecycle"

    @api.model
    def _interest(self, basis, columns):
        """Return for each customer 0, 1 (lead) or 2 (prospect), for those who have not bought.

        A refresh of some customers keeps what the last refresh of all customers found.
        """
        customers = columns["partner_id"]
        strangers = customers[columns["purchase_count"] == 0].tolist()
        query = (
            self._select_interest(basis.company, strangers, basis.as_of)
            if basis.partner_ids is None
            else self._select_stored_interest(basis.company, strangers)
        )
        found = copy_out(
            self.env.cr,
            SQL("SELECT partner_id::int4, max(interest)::int2 FROM (%s) interested GROUP BY partner_id", query),
            [("partner", "int4"), ("interest", "int2")],
        )
        interest = np.zeros(len(customers), np.int16)
        interest[np.searchsorted(customers, found["partner"])] = found["interest"]
        return interest

    @api.model
    def _select_stored_interest(self, company, partner_ids):
        return SQL(
            """SELECT partner_id, CASE lifecycle_stage WHEN 'lead' THEN 1 ELSE 2 END AS interest FROM crm_value
                WHERE company_id = %s AND partner_id = ANY(%s) AND lifecycle_stage IN ('lead', 'prospect')""",
            company.id,
            partner_ids,
        )

    @api.model
    def _select_interest(self, company, partner_ids, today):
        """Return the SELECT of (partner_id, 1 lead or 2 prospect) over open opportunities, quotations and orders.

        A draft quotation is a lead's; a quotation that was sent, or a confirmed order of which nothing was ever
        invoiced but a down payment, a prospect's. A quotation that is not valid any more shows no interest.
        """
        return SQL(
            """
            SELECT partner.commercial_partner_id AS partner_id,
                   CASE WHEN sale.state = 'draft' THEN 1 ELSE 2 END AS interest
              FROM sale_order sale JOIN res_partner partner ON partner.id = sale.partner_id
             WHERE sale.company_id = %(company)s AND partner.commercial_partner_id = ANY(%(partners)s)
               AND CASE sale.state WHEN 'cancel' THEN FALSE
                   WHEN 'sale' THEN NOT EXISTS (
                       SELECT FROM sale_order_line part
                         JOIN sale_order_line_invoice_rel link ON link.order_line_id = part.id
                         JOIN account_move_line line ON line.id = link.invoice_line_id
                         JOIN account_move move ON move.id = line.move_id
                        WHERE part.order_id = sale.id AND part.is_downpayment IS NOT TRUE AND move.state = 'posted')
                   ELSE %(is_valid)s END
            UNION ALL
            SELECT partner.commercial_partner_id,
                   CASE WHEN lead.automated_probability >= %(promising)s THEN 2 ELSE 1 END
              FROM %(leads)s lead
              JOIN res_partner partner ON partner.id = lead.partner_id
             WHERE partner.commercial_partner_id = ANY(%(partners)s)
            """,
            company=company.id,
            is_valid=self._where_valid(today),
            leads=self.env["crm.lead"]._select_of_company(company, only_open=True),
            partners=partner_ids,
            promising=company.value_prospect_probability,
        )

    @api.model
    def _where_valid(self, today):
        """Return the condition that the quotation ``sale`` is still valid."""
        return SQL("COALESCE(sale.validity_date, sale.date_order::date + %s) >= %s", _QUOTATION_DAYS, today)

    @api.model
    def _is_valid(self, quotation, today):
        """Tell the same of a record."""
        until = quotation.validity_date or quotation.date_order.date() + timedelta(days=_QUOTATION_DAYS)
        return until >= today

    @api.model
    def _stage(self, basis, columns):
        """Add the stage of each customer; `crm.value.leaving` said who is at risk or lost."""
        columns["lifecycle_stage"] = lifecycle.stages(
            {**columns, "satisfied": self._are_satisfied(basis.company, columns)},
            day_number(basis.as_of),
            self._thresholds(basis.company),
        )
        return columns

    @api.model
    def _thresholds(self, company):
        """Return what separates the stages of this company's customers (see lib/lifecycle.py)."""
        return lifecycle.Thresholds(
            new_days=company.value_new_days,
            loyal_purchases=company.value_loyal_purchases,
            loyal_days=company.value_loyal_days,
            won_back_days=company.value_won_back_days,
        )

    @api.model
    def _are_satisfied(self, company, columns):
        """Return whom neither ratings nor an open complaint speak against calling loyal."""
        is_rated_well = (columns["satisfaction"] == 0) | (columns["satisfaction"] >= company.value_loyal_satisfaction)
        return is_rated_well & (columns["open_complaint_count"] == 0)

    @api.model
    def _assign_since(self, incoming_stage, as_of):
        """Return the SQL that sets the day of a change of stage; a first stage may have begun at any time before.

        :param SQL incoming_stage: the new stage; ``value`` is the old row
        """
        return SQL(
            """lifecycle_since = CASE WHEN value.lifecycle_stage IS NOT NULL AND value.lifecycle_stage
                   IS DISTINCT FROM %s THEN %s::date ELSE value.lifecycle_since END""",
            incoming_stage,
            as_of,
        )

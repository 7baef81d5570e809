from odoo import api, models
from odoo.tools import SQL

from ...lib import components
from ...lib.columns import sum_per_customer
from ...lib.postgres.binary_copy import copy_out
from ...report import readable


class CrmValueGrowth(models.AbstractModel):
    """Growth value: what is on the table and not yet won.

    An opportunity is worth its expected revenue or, where that is more, the largest of its sent quotations (as Odoo
    itself raises the revenue when an order is confirmed): each euro once. A quotation without an opportunity counts
    with the probability in the settings. A day that has passed, or none, counts as the coming month. Quotations that
    are not valid any more count for nothing (see `crm.value.lifecycle`).
    """

    _name = "crm.value.growth"
    _description = "Customer Value: Growth"

    @api.model
    def _find(self, basis, columns):
        """Return the growth value of all customers (see `crm.value.component._find`)."""
        company = basis.company
        found = copy_out(
            self.env.cr,
            SQL(
                "SELECT partner_id::int4, worth::float8, days::int4 FROM (%s) growth"
                " WHERE partner_id IS NOT NULL AND %s",
                self._select_growth(company, basis.as_of),
                basis.where(SQL("partner_id")),
            ),
            [("partner", "int4"), ("worth", "float8"), ("days", "int4")],
        )
        worth = components.discounted(
            found["worth"] * self._growth_ratio(company),
            found["days"],
            months=company.value_horizon_months,
            yearly_discount=company.value_discount_rate,
        )
        return {"growth_value": sum_per_customer(columns["partner_id"], found["partner"], worth)}

    @api.model
    def _growth_ratio(self, company):
        return company.value_margin_rate if company.value_basis == "margin" else 1.0

    @api.model
    def _select_growth(self, company, as_of, where=None):
        """Return the SELECT of what may be won: partner_id, worth (weighted), days until then, lead_id or order_id.

        :param SQL where: condition on the alias ``partner``
        """
        return SQL(
            """
            SELECT partner.commercial_partner_id AS partner_id, lead.id AS lead_id, NULL::int AS order_id,
                   GREATEST(%(expected)s, offer.amount, 0) * %(chance)s / 100 AS worth,
                   COALESCE(%(deadline)s - %(as_of)s, 0) AS days
              FROM %(leads)s lead
              JOIN res_partner partner ON partner.id = lead.partner_id
              LEFT JOIN LATERAL (SELECT max(%(amount)s) AS amount FROM sale_order sale
                                  WHERE sale.opportunity_id = lead.id AND %(open_offer)s) offer ON TRUE
             WHERE %(where)s
            UNION ALL
            SELECT partner.commercial_partner_id, NULL, sale.id, GREATEST(%(amount)s, 0) * %(probability)s,
                   COALESCE(%(validity)s - %(as_of)s, 0)
              FROM sale_order sale JOIN res_partner partner ON partner.id = sale.partner_id
             WHERE sale.opportunity_id IS NULL AND %(open_offer)s AND %(where)s
            """,
            as_of=as_of,
            leads=self.env["crm.lead"]._select_of_company(company, only_open=True),
            where=where or SQL("TRUE"),
            probability=company.value_quotation_probability,
            # in the currency of the company, as Odoo's own sales analysis converts it
            amount=readable.amount(
                SQL("COALESCE(sale.amount_untaxed / COALESCE(NULLIF(sale.currency_rate, 0), 1), 0)")
            ),
            expected=readable.amount(SQL("COALESCE(lead.expected_revenue, 0)")),
            chance=readable.amount(SQL("COALESCE(lead.automated_probability, 0)")),
            deadline=readable.day(SQL("lead.date_deadline")),
            validity=readable.day(SQL("sale.validity_date")),
            open_offer=SQL(
                "sale.state = 'sent' AND sale.company_id = %s AND %s",
                company.id,
                self.env["crm.value.lifecycle"]._where_valid(as_of),
            ),
        )

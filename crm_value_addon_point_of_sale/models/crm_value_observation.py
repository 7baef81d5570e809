import numpy as np

from odoo import api, models
from odoo.tools import SQL


class CrmValueObservation(models.AbstractModel):
    """Who bought at the till is a customer."""

    _inherit = "crm.value.observation"

    @api.model
    def _observe(self, basis):
        if basis.partner_ids is not None and not basis.is_question:
            self.env["crm.value.till.order"]._freeze_missing(basis.company, lambda: None, basis.partner_ids)
        return super()._observe(basis)

    def _customer_ids(self, company, where=None, with_documents=True):
        customers = super()._customer_ids(company, where, with_documents)
        if not with_documents:
            return customers
        found = self.env.execute_query(
            SQL(
                """
            SELECT DISTINCT partner_id
              FROM (SELECT customer.commercial_partner_id AS partner_id
                      FROM pos_order sale JOIN res_partner customer ON customer.id = sale.partner_id
                     WHERE sale.company_id = %s AND sale.state IN ('paid', 'done')) buyer
             WHERE partner_id IS NOT NULL AND %s
            """,
                company.id,
                where or SQL("TRUE"),
            )
        )
        return np.union1d(customers, np.array([row[0] for row in found], customers.dtype))

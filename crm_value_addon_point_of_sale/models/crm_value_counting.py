from odoo import api, models
from odoo.tools import SQL


class CrmValueCounting(models.AbstractModel):
    """Records orders at the till again, too, when products change what they count as."""

    _inherit = "crm.value.counting"

    @api.model
    def _sellers_of(self, template_ids):
        rows = self.env.execute_query(
            SQL(
                """
            SELECT company.id FROM res_company company
             WHERE EXISTS (SELECT FROM product_product product
                             JOIN pos_order_line line ON line.product_id = product.id
                            WHERE product.product_tmpl_id = ANY(%s) AND line.company_id = company.id)
            """,
                list(template_ids),
            )
        )
        return super()._sellers_of(template_ids) | {company_id for [company_id] in rows}

    @api.model
    def _recount(self, company, template_ids, checkpoint):
        super()._recount(company, template_ids, checkpoint)
        self.env["crm.value.till.order"]._recount(company, template_ids, checkpoint)

from odoo import api, models
from odoo.tools import SQL


class CrmValueProductAssortment(models.AbstractModel):
    """Which products a pricelist does not sell.

    How to use: `_withheld` for some pricelists and products, `_pricelists_of` for the pricelists of many customers.

    How it works: Odoo sells by a pricelist whatever it does not name, at the list price. So a product is withheld by
    the rule that Odoo would apply to one piece of it today, if that gives it away (a price of 0, or 100 % off); and,
    where the company's settings say so, by the lack of a rule. A rule for one variant names its product, and says
    nothing of its price.
    """

    _name = "crm.value.product.assortment"
    _description = "Customer and Product: Assortment"

    @api.model
    def _withheld(self, company, pricelists, template_ids):
        """Return what some pricelists do not sell, as a set of (pricelist id, product template id)."""
        if not pricelists or not template_ids:
            return set()
        self.env["product.pricelist.item"].flush_model()
        self.env["product.template"].flush_model(["categ_id"])
        rows = self.env.execute_query(
            SQL(
                """
            WITH item AS MATERIALIZED (
                SELECT item.*, compute_price = 'fixed' AND COALESCE(fixed_price, 0) <= 0
                               OR compute_price = 'percentage' AND percent_price >= 100
                               OR compute_price = 'formula' AND price_discount >= 100
                                  AND COALESCE(price_surcharge, 0) <= 0 AS gives_away
                  FROM product_pricelist_item item
                 WHERE pricelist_id = ANY(%(pricelists)s) AND COALESCE(min_quantity, 0) <= 1
                   AND (date_start IS NULL OR date_start <= %(now)s) AND (date_end IS NULL OR date_end >= %(now)s)
            ), template AS MATERIALIZED (
                SELECT id, categ_id FROM product_template WHERE id = ANY(%(templates)s)
            ), named AS (
                SELECT item.pricelist_id, template.id AS template_id, item.applied_on, item.min_quantity, item.categ_id,
                       item.id, item.gives_away AND item.product_id IS NULL AS gives_away
                  FROM item JOIN template ON template.id = item.product_tmpl_id
                 UNION ALL
                SELECT item.pricelist_id, template.id, item.applied_on, item.min_quantity, item.categ_id, item.id,
                       item.gives_away
                  FROM item JOIN product_category above ON above.id = item.categ_id
                  JOIN product_category below ON below.parent_path LIKE above.parent_path || '%%'
                  JOIN template ON template.categ_id = below.id
                 WHERE item.product_tmpl_id IS NULL
                 UNION ALL
                SELECT item.pricelist_id, template.id, item.applied_on, item.min_quantity, item.categ_id, item.id,
                       item.gives_away
                  FROM item CROSS JOIN template WHERE item.applied_on = '3_global'
            ), applied AS (
                SELECT DISTINCT ON (pricelist_id, template_id) pricelist_id, template_id, gives_away
                  FROM named
                 ORDER BY pricelist_id, template_id, applied_on, min_quantity DESC, categ_id DESC, id DESC
            )
            SELECT pricelist_id, template_id FROM applied WHERE gives_away
             UNION ALL
            SELECT pricelist.id, template.id FROM unnest(%(pricelists)s) AS pricelist(id) CROSS JOIN template
             WHERE %(only_named)s AND NOT EXISTS (
                   SELECT FROM applied
                    WHERE applied.pricelist_id = pricelist.id AND applied.template_id = template.id)
            """,
                pricelists=pricelists.ids,
                templates=list(template_ids),
                now=self.env.cr.now(),
                only_named=company.value_suggestions_priced,
            )
        )
        return set(rows)

    @api.model
    def _pricelists_of(self, company, partner_ids):
        """Return the ids of the pricelists of customers, 0 without one, in their order."""
        # sudo: which pricelist a customer has decides what is suggested, whoever asks
        Pricelist = self.env["product.pricelist"].sudo().with_company(company)
        found = Pricelist._get_partner_pricelist_multi(partner_ids)
        return [found[partner_id].id or 0 for partner_id in partner_ids]

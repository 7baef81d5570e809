from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

#: customers that are named, those with the most money at stake
_NAMED = 5
_GOING = ("slipping", "lost")


class CrmValueDashboardProducts(models.AbstractModel):
    """What customers stopped buying or buy less of, and the money at stake; nothing where no company follows products.

    Bought once is no habit: what was bought once and is lost does not count. What somebody dismissed does not either.
    """

    _name = "crm.value.dashboard.products"
    _description = "Customer Value Dashboard: Lost Products"
    _inherit = "crm.value.dashboard.section"
    _section_sequence = 95
    _is_deferred = True

    @api.model
    def _is_shown(self, scope):
        # sudo: the setting decides what is shown, for whoever asks
        return any(company.value_product_level != "none" for company in scope.companies.sudo())

    @api.model
    def _read(self, scope, payload):
        lost, shrinking = self._domains(scope)
        sums, named = {True: (0, 0, 0), False: (0, 0, 0)}, []
        for partner_id, name, is_lost, *figures in self._scan(scope):
            if partner_id:
                named.append((partner_id, name, figures))
            else:
                sums[is_lost] = figures
        return {
            "lost": self._stake(lost, *sums[True]),
            "shrinking": self._stake(shrinking, *sums[False]),
            "rows": [
                {
                    "name": name or self.env._("Unnamed"),
                    **self._stake((lost | shrinking) & Domain("partner_id", "=", partner_id), *figures),
                }
                for partner_id, name, figures in named
            ],
        }

    @api.model
    def _domains(self, scope):
        """Return the rows of what customers no longer buy, and of what they buy less of."""
        at_stake = (
            Domain("company_id", "in", scope.companies.ids)
            & scope.filter("value_id.")
            & Domain("revenue_at_stake", ">", 0)
            & Domain("is_dismissed", "=", False)
        )
        lost = at_stake & Domain("state", "in", _GOING) & Domain("purchase_count", ">", 1)
        return lost, at_stake & Domain("state", "not in", _GOING)

    @api.model
    def _scan(self, scope):
        """Return (partner id, name, is lost, rows, customers, money): of all that is lost, of all that shrinks, and of
        the customers with the most at stake, whose row says nothing of which of the two it is."""
        Product = self.env["crm.value.product"]
        lost, shrinking = self._domains(scope)
        query = Product._search(lost | shrinking)
        Product.flush_model()
        return self.env.execute_query(
            SQL(
                """
            WITH stake AS MATERIALIZED (
                SELECT part.partner_id, part.is_lost, count(*) AS items, sum(part.revenue_at_stake) AS money
                  FROM (%s) part GROUP BY 1, 2
            ), customer AS (
                SELECT partner_id, sum(items) AS items, sum(money) AS money
                  FROM stake GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT %s
            )
            SELECT NULL, NULL, is_lost, sum(items)::int, count(*)::int, sum(money) FROM stake GROUP BY 3
             UNION ALL
            (SELECT partner_id, partner.complete_name, NULL, items::int, 1, money
               FROM customer JOIN res_partner partner ON partner.id = customer.partner_id ORDER BY money DESC, 1)
            """,
                query.select(
                    SQL("crm_value_product.partner_id"),
                    SQL("crm_value_product.state = ANY(%s) AS is_lost", list(_GOING)),
                    SQL("crm_value_product.revenue_at_stake"),
                ),
                _NAMED,
            )
        )

    @api.model
    def _stake(self, domain, count, customers, money):
        columns = {"revenue": "revenue_at_stake"}
        return {
            "customers": customers,
            **self._figure(domain, count, "crm.value.product", columns, revenue=money),
        }

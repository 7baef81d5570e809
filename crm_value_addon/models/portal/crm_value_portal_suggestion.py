from odoo import api, models


class CrmValuePortalSuggestion(models.AbstractModel):
    """Products that a customer does not buy yet and may want, as its loyalty page and the cart show them.

    How it works: the suggestions are those that salespeople see (`crm.value.suggestion`), without shares and margins.
    The web shop's addon leaves out what is not sold there, and leads to the rest.
    """

    _name = "crm.value.portal.suggestion"
    _description = "Customer Value: Suggestions for Customers"

    @api.model
    def _prepare(self, value, company):
        """Return what a customer may want: list of dicts of texts ``name because url``, some of them False.

        :param value: of the customer, a sudo record, or empty
        """
        return [
            {"name": row.product_tmpl_id.name, "because": self._because(row), "url": self._url(row.product_tmpl_id)}
            for row in self._suggestions(value.partner_id, company)
        ]

    @api.model
    def _suggestions(self, customer, company, without=(), pricelist=None):
        """Return what to show a customer, as sudo records; nothing where the settings say so.

        :param without: ids of product templates that the customer has before it already
        :param pricelist: of the order, if there is one; else the one that the customer buys by
        """
        # sudo: customers have no rights on settings and suggestions; they read the names of products
        suggestions = self.env["crm.value.suggestion"].sudo()
        company = company.sudo()
        if not customer or not company.value_suggestions or not company.value_suggestions_portal:
            return suggestions
        pricelist = self._pricelist(customer, company) if pricelist is None else pricelist
        found = suggestions._open_for(customer, company, without, pricelist)
        return found.filtered(lambda row: self._is_sold(row.product_tmpl_id))

    @api.model
    def _pricelist(self, customer, company):
        """Hook: return the pricelist that a customer buys by."""
        return customer.with_company(company).property_product_pricelist

    @api.model
    def _because(self, suggestion):
        names = [one.name for one in (suggestion.because_id, suggestion.because_also_id) if one]
        if len(names) == 2:
            return self.env._("Because you buy %(first)s and %(second)s", first=names[0], second=names[1])
        return self.env._("Because you buy %(first)s", first=names[0]) if names else False

    @api.model
    def _is_sold(self, template):
        """Hook: return whether customers can find a product where they read of it."""
        return True

    @api.model
    def _url(self, template):
        """Hook: return where the customer finds a product, False without a web shop."""
        return False

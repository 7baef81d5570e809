from datetime import date

from odoo import api, models
from odoo.exceptions import ValidationError

#: changes after which tiers may give a pricelist elsewhere, or to other customers
_GIVEN_BY = {"company_id", "currency_id"}
#: changes after which a tier's pricelist may be the one that everybody gets
_WATCHED = {"active", "sequence", "country_group_ids", "company_id", "website_id", "selectable"}


class ProductPricelist(models.Model):
    """Gives contacts the pricelist of their tier where Odoo looks up theirs; writes nothing on contacts.

    A tier's pricelist replaces one of the same currency only: a customer whom Odoo quotes in euros stays in euros.
    """

    _inherit = "product.pricelist"

    @api.model
    def _get_partner_pricelist_multi(self, partner_ids):
        if not self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist"):
            return super()._get_partner_pricelist_multi(partner_ids)
        partners = self.env["res.partner"].with_context(active_test=False).browse(partner_ids)
        by_tier = {
            partner.id: pricelist
            for partner, pricelist in self._tier_pricelists(partners).items()
            # what a person set on the contact wins
            if not partner.specific_property_product_pricelist._get_partner_pricelist_multi_filter_hook()
        }
        others = [partner_id for partner_id in partner_ids if partner_id not in by_tier]
        return {**super()._get_partner_pricelist_multi(others), **by_tier}

    @api.model
    def _tier_pricelists(self, partners):
        """Return the pricelists that contacts get by their tier in the current company: contact → pricelist.

        An order puts its own tier into the context, which may differ from the customer's present tier.
        """
        Benefit = self.env["crm.value.benefit"]
        if not Benefit._of_type("pricelist"):
            return {}
        company, day, carried = self.env.company, self.env.context.get("value_order_day"), ()
        # RPC callers control the context, but cannot put a date object into it
        if "value_order_tier_id" in self.env.context and isinstance(day, date):
            tier = self.env["crm.value.tier"].browse(self.env.context["value_order_tier_id"])
            tier_of, carried = dict.fromkeys(partners, tier), self.env.context.get("value_order_benefits", ())
        else:
            day = company._value_today()
            customer_of = {partner: partner.commercial_partner_id._origin.id for partner in partners}
            tiers = self.env["crm.value.benefit.state"]._active_tiers(company, set(customer_of.values()))
            tier_of = {partner: tiers[customer][0] for partner, customer in customer_of.items() if customer in tiers}
        given = {}
        for partner, tier in tier_of.items():
            active = Benefit._active_benefits(tier, company, day, carried)
            ids = [benefit.target_id for benefit in active if benefit.benefit_type == "pricelist"]
            pricelists = self.browse(ids)._get_partner_pricelist_multi_filter_hook()
            if pricelists:
                given[partner] = pricelists
        return self._in_usual_currency(given)

    @api.model
    def _in_usual_currency(self, given):
        """Return of the pricelists that contacts could get the one in the currency that Odoo would quote them in.

        :param dict given: contact → pricelists
        :return: contact → pricelist, without contacts that get none
        """
        if not given:
            return {}
        usual = self._get_country_pricelist_multi([partner.country_id.id for partner in given])
        result = {}
        for partner, pricelists in given.items():
            currency = usual[partner.country_id.id].currency_id or self.env.company.currency_id
            fitting = pricelists.filtered(lambda pricelist, currency=currency: pricelist.currency_id == currency)
            if fitting:
                result[partner] = fitting[0]
        return result

    def _get_partner_pricelist_multi_search_domain_hook(self, company_id):
        domain = super()._get_partner_pricelist_multi_search_domain_hook(company_id)
        reserved = self.env["crm.value.benefit"]._tier_pricelist_ids()
        if reserved and not self.env.context.get("value_all_pricelists"):
            # a tier's pricelist must not become the fallback when the other pricelists are archived or deleted
            domain = [*domain, ("id", "not in", sorted(reserved))]
        return domain

    # a tier's pricelist is for its customers only

    def _check_for_tiers_only(self):
        """Refuse pricelists of tiers that other customers would get, too.

        :raise ValidationError: says how other customers would get the pricelist, and what to do
        """
        for pricelist in self.sudo():
            if "selectable" in self._fields and pricelist.selectable:
                raise ValidationError(
                    self.env._(
                        "%(pricelist)s is selectable in the web shop: every visitor could choose it. Untick "
                        "“Selectable” on the pricelist; the customers of the tier get it by themselves.",
                        pricelist=pricelist.name,
                    )
                )
            if pricelist.country_group_ids:
                raise ValidationError(
                    self.env._(
                        "%(pricelist)s is the pricelist of %(countries)s: every customer there would get it. Remove "
                        "its country groups.",
                        pricelist=pricelist.name,
                        countries=", ".join(pricelist.country_group_ids.mapped("name")),
                    )
                )
            where = pricelist._fallback_place()
            if where:
                raise ValidationError(
                    self.env._(
                        "%(pricelist)s is the first pricelist of %(where)s: Odoo would give it to every customer that "
                        "has "
                        "no other. Create a public pricelist, and drag it above this one in the list of pricelists.",
                        pricelist=pricelist.name,
                        where=where,
                    )
                )

    def _fallback_place(self):
        """Return the name of a company or web shop whose other customers would get this pricelist, or False."""
        self.ensure_one()
        Pricelist = self.env["product.pricelist"].sudo().with_context(value_all_pricelists=True)
        for company in self.company_id or self.env["res.company"].sudo().search([]):
            if Pricelist.with_company(company)._get_country_pricelist_multi([])[False] == self:
                return company.name
        if "website" in self.env and "website_id" in self._fields:
            for website in self.env["website"].sudo().search([]):
                domain = [*Pricelist._get_website_pricelists_domain(website), ("country_group_ids", "=", False)]
                if Pricelist.search(domain, limit=1) == self:
                    return website.name
        return False

    def write(self, vals):
        result = super().write(vals)
        if not _GIVEN_BY.isdisjoint(vals):
            self.env.registry.clear_cache()
            self._check_their_benefits()
        if not _WATCHED.isdisjoint(vals):
            self._check_tier_pricelists()
        return result

    def unlink(self):
        result = super().unlink()
        self._check_tier_pricelists()
        return result

    def _check_their_benefits(self):
        # sudo: benefits of companies that the user does not see count, too
        benefits = self.env["crm.value.benefit"].sudo().search([("pricelist_id", "in", self.ids)])
        benefits._check_company()
        benefits._check_conflicts()

    @api.model
    def _check_tier_pricelists(self):
        self.browse(self.env["crm.value.benefit"]._tier_pricelist_ids()).exists()._check_for_tiers_only()

from dataclasses import asdict

import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib.columns import take
from ...lib.postgres import binary_copy
from ...lib.postgres.binary_copy import day_number

#: what a new customer may be like, in the order in which it is told
ATTRIBUTES = ("country", "industry", "source", "kind")
_PERSON, _ORGANISATION = 1, 2


class CrmValueLeadWorth(models.AbstractModel):
    """What a lead would bring in its first 12 months if it were won, from customers like it.

    How to use: the weekly fit calls `_learn` and keeps the answer (`crm.value.fit.lead_worth`); opportunities call
    `_estimate`; `_describe` says how it was tried.

    How it works: lib/lead_worth.py learns from the customers whose first year is over, and tries it on those who came
    last, where there are enough of them on those who came as a lead. Whoever has bought before is no lead in this
    sense: their own expected revenue is known.
    """

    _name = "crm.value.lead.worth"
    _description = "Customer Value: Worth of a Lead"

    @api.model
    def _learn(self, company, days, as_of):
        """Return what new customers bring, as plain numbers; False where too few are known.

        :param dict days: the purchases that a fit reads (`crm.value.fit._purchase_days`)
        """
        from ...lib import lead_worth  # scipy costs a second: not at Odoo's start

        customer, first, value = lead_worth.first_years(
            days["partner"], days["date"], days["purchase_revenue"], day_number(as_of)
        )
        known = self._read_customers(company)
        both = np.intersect1d(customer, known["partner"], assume_unique=True, return_indices=True)
        first, value = first[both[1]], value[both[1]]
        known = take(known, both[2])
        # where a fit reads a part of the history, what it takes for a first purchase may be a later one
        is_first = known["first"] == first
        known = take(known, is_first)
        worth = lead_worth.fit_worth(
            first[is_first], value[is_first], {name: known[name] for name in ATTRIBUTES}, known["was_lead"]
        )
        return asdict(worth) if worth else False

    @api.model
    def _read_customers(self, company):
        """Return what all customers of a company are like, by partner: ids, 0 for unknown."""
        self.env.flush_all()
        return binary_copy.copy_out(
            self.env.cr,
            SQL(
                """SELECT value.partner_id::int4, value.first_purchase_date, COALESCE(partner.country_id, 0)::int4,
                          COALESCE(partner.industry_id, 0)::int4, COALESCE(lead.source_id, 0)::int4,
                          CASE WHEN partner.is_company THEN %(organisation)s ELSE %(person)s END::int4,
                          lead.partner_id IS NOT NULL
                     FROM crm_value value
                     JOIN res_partner partner ON partner.id = value.partner_id
                     LEFT JOIN (SELECT DISTINCT ON (contact.commercial_partner_id)
                                       contact.commercial_partner_id AS partner_id, lead.source_id, lead.create_date
                                  FROM %(leads)s lead JOIN res_partner contact ON contact.id = lead.partner_id
                                 WHERE lead.won_status = 'won' ORDER BY contact.commercial_partner_id, lead.id) lead
                       ON lead.partner_id = value.partner_id AND lead.create_date::date <= value.first_purchase_date
                    WHERE value.company_id = %(company)s AND value.first_purchase_date IS NOT NULL AND %(evaluated)s
                    ORDER BY value.partner_id""",
                organisation=_ORGANISATION,
                person=_PERSON,
                leads=self.env["crm.lead"]._select_of_company(company),
                company=company.id,
                evaluated=self.env["crm.value.opt.out"]._where_evaluated("value"),
            ),
            [
                ("partner", "int4"),
                ("first", "date"),
                ("country", "int4"),
                ("industry", "int4"),
                ("source", "int4"),
                ("kind", "int4"),
                ("was_lead", "bool"),
            ],
        )

    @api.model
    def _restored(self, state):
        """Return the `Worth` of what `_learn` returned, which JSON has given texts for keys."""
        from ...lib import lead_worth  # scipy costs a second: not at Odoo's start

        def numbered(levels):
            return {name: {int(level): each for level, each in found.items()} for name, found in levels.items()}

        return lead_worth.Worth(
            mean=state["mean"],
            customers=state["customers"],
            factors=numbered(state["factors"]),
            counts=numbered(state["counts"]),
            trial=lead_worth.Trial(**state["trial"]) if state["trial"] else None,
        )

    @api.model
    def _estimate(self, leads):
        """Return lead → (revenue in the first 12 months if won, why), for those who are nobody's customers yet."""
        found, worths = {}, {}
        for lead, (_partner_id, company_id) in leads._value_keys().items():
            if not company_id or lead.won_status != "pending" or lead.value_id.purchase_count:
                continue
            if company_id not in worths:
                # sudo: revenue per customer of the user's own companies, no margin; fits themselves are the managers'
                fit = self.env["crm.value.fit"].sudo().search([("company_id", "=", company_id)], limit=1)
                worths[company_id] = self._restored(fit.lead_worth) if fit.lead_worth else None
            worth = worths[company_id]
            if worth:
                records = self._like(lead)
                levels = {name: record if isinstance(record, int) else record.id for name, record in records.items()}
                found[lead] = worth.expect(levels), self._reason(worth, records, levels)
        return found

    @api.model
    def _like(self, lead):
        """Return what a lead is like: attribute → record, or the code of its kind."""
        partner = lead.partner_id.commercial_partner_id
        is_organisation = partner.is_company if partner else bool(lead.partner_name)
        return {
            "country": partner.country_id or lead.country_id,
            "industry": partner.industry_id,
            "source": lead.source_id,
            "kind": _ORGANISATION if is_organisation else _PERSON,
        }

    @api.model
    def _reason(self, worth, records, levels):
        """Return which customers an estimate comes from."""
        like = [
            self.env._(
                "%(count)s from %(level)s", count=worth.counts[name].get(levels[name], 0), level=self._level(each)
            )
            for name, each in records.items()
            if worth.factors.get(name, {}).get(levels[name])
        ]
        everybody = self.env._("%(count)s new customers", count=worth.customers)
        return f"{everybody}: {', '.join(like)}" if like else everybody

    @api.model
    def _level(self, record):
        if isinstance(record, int):
            return self.env._("organisations") if record == _ORGANISATION else self.env._("persons")
        return record.sudo().display_name  # sudo: the name of a country, an industry or a source

    @api.model
    def _describe(self, fit):
        """Return what a fit learned about new customers, and how that was tried on the past."""
        if not fit.lead_worth:
            return ""
        worth, currency = self._restored(fit.lead_worth), fit.currency_id
        text = self.env._(
            "A new customer brings %(mean)s in the first 12 months, as %(count)s did.",
            mean=currency.format(worth.mean),
            count=worth.customers,
        )
        trial = worth.trial
        if not trial:
            return text
        names = {
            "country": self.env._("country"),
            "industry": self.env._("industry"),
            "source": self.env._("source"),
            "kind": self.env._("person or organisation"),
        }
        amounts = {
            "count": trial.customers,
            "expected": currency.format(trial.expected),
            "actual": currency.format(trial.actual),
        }
        tried = (
            self.env._(
                "The last %(count)s won leads were expected to bring %(expected)s and brought %(actual)s.", **amounts
            )
            if trial.were_leads
            else self.env._(
                "The last %(count)s new customers were expected to bring %(expected)s and brought %(actual)s.",
                **amounts,
            )
        )
        used = ", ".join(names[name] for name in ATTRIBUTES if name in worth.factors)
        told = (
            self.env._("Told apart by %(attributes)s, which made the error smaller.", attributes=used)
            if used
            else self.env._("Country, industry, source and kind did not make the error smaller, so they are not used.")
        )
        return " ".join((text, tried, told))

from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import format_date

#: characters of a message that the sheet shows
_EXCERPT = 120
#: messages that are read for each customer, of which the sheet shows the last ones
_MESSAGES = 20


def row(label, text):
    """Return a line of the sheet."""
    return {"label": label, "text": text}


class CrmValueBriefSource(models.AbstractModel):
    """The records behind review sheets, for all customers at once, as far as the user may read them.

    How to use: each method takes customer values and returns a dict by the id of the value: days and revenue, or rows
    with ``label`` and ``text``.
    """

    _name = "crm.value.brief.source"
    _description = "Customer Value: Records of the Review Sheet"

    @api.model
    def _money(self, value, amount):
        return self.env["crm.value.customer.page"]._money(value, amount)

    @api.model
    def _days(self, values):
        """Return what each customer bought in two years: value id → list of (day, revenue)."""
        if not values:
            return {}
        since = min(value.company_id._value_today() for value in values) - relativedelta(years=2, months=1)
        value_of = {(value.partner_id.id, value.company_id.id): value.id for value in values}
        days = {}
        for partner, company, day, revenue in self.env["crm.value.purchase"]._read_group(
            Domain("partner_id", "in", values.partner_id.ids)
            & Domain("company_id", "in", values.company_id.ids)
            & Domain("date", ">=", since),
            ["partner_id", "company_id", "date:day"],
            ["revenue:sum"],
        ):
            if (partner.id, company.id) in value_of:
                days.setdefault(value_of[partner.id, company.id], []).append((day, revenue))
        return days

    @api.model
    def _products(self, values):
        """Return what each customer buys, the largest first: value id → rows."""
        names = ["revenue_12m", "revenue_previous_12m", "state", "value_id", "category_id", "product_tmpl_id"]
        states = dict(self.env["crm.value.product"]._fields["state"]._description_selection(self.env))
        rows = {}
        for product in self.env["crm.value.product"].search_fetch(
            [("value_id", "in", values.ids)], names, order="value_id, revenue_12m desc, revenue_previous_12m desc, id"
        ):
            text = self.env._(
                "%(recent)s, in the 12 months before %(past)s",
                recent=self._money(product, product.revenue_12m),
                past=self._money(product, product.revenue_previous_12m),
            )
            text = ", ".join(filter(None, (states.get(product.state), text)))
            rows.setdefault(product.value_id.id, []).append(row(product.display_name, text))
        return rows

    @api.model
    def _suggestions(self, values):
        """Return what to offer each customer, with the reason: value id → rows."""
        value_of = {(value.partner_id.id, value.company_id.id): value.id for value in values}
        rows = {}
        for company, in_company in values.grouped("company_id").items():
            if not company.sudo().value_suggestions:  # sudo: a setting of a company whose values one may read
                continue
            for suggestion in self.env["crm.value.suggestion"]._open_for(in_company.partner_id, company):
                told = row(suggestion.product_tmpl_id.display_name, suggestion.reason)
                rows.setdefault(value_of[suggestion.partner_id.id, company.id], []).append(told)
        return rows

    @api.model
    def _offers(self, values):
        """Return the valid quotations and open opportunities that the user may read: value id → rows."""
        rows = {}
        customers = Domain("partner_id.commercial_partner_id", "in", values.partner_id.ids)
        value_of = {(value.partner_id.id, value.company_id.id): value for value in values}
        if self.env["sale.order"].has_access("read"):
            for order in self.env["sale.order"].search(
                customers & Domain("company_id", "in", values.company_id.ids) & Domain("state", "in", ("draft", "sent"))
            ):
                value = value_of.get((order.partner_id.commercial_partner_id.id, order.company_id.id))
                if value and self.env["crm.value.lifecycle"]._is_valid(order, order.company_id._value_today()):
                    text = self.env._(
                        "quotation of %(date)s over %(amount)s",
                        date=format_date(self.env, order.date_order),
                        amount=self._money(order, order.amount_untaxed),
                    )
                    rows.setdefault(value.id, []).append(row(order.name, text))
        if self.env["crm.lead"].has_access("read"):
            for lead in self.env["crm.lead"].search(
                customers & Domain("type", "=", "opportunity") & Domain("won_status", "=", "pending")
            ):
                customer = lead.partner_id.commercial_partner_id
                for value in values.filtered(
                    lambda value, lead=lead, customer=customer: (
                        value.partner_id == customer and lead.company_id in (value.company_id, lead.company_id.browse())
                    )
                ):
                    text = self.env._(
                        "opportunity over %(amount)s, %(probability)s %% likely",
                        amount=self._money(value, lead.expected_revenue),
                        probability=round(lead.probability),
                    )
                    rows.setdefault(value.id, []).append(row(lead.name, text))
        return rows

    @api.model
    def _contacts(self, values):
        """Return the last messages and activities on the contacts of each customer: value id → rows."""
        family = self.env["res.partner"].search([("commercial_partner_id", "in", values.partner_id.ids)])
        messages = self.env["mail.message"].search(
            Domain("model", "=", "res.partner")
            & Domain("res_id", "in", family.ids)
            & (
                Domain("message_type", "in", ("comment", "email", "email_outgoing"))
                | Domain("mail_activity_type_id", "!=", False)
            ),
            order="date desc, id desc",
            limit=_MESSAGES * max(len(values), 1),
        )
        customer_of = {contact.id: contact.commercial_partner_id for contact in family}
        values_of = values.grouped("partner_id")
        rows = {}
        for message in messages:
            kind = message.mail_activity_type_id.name or message.subject or self.env._("Message")
            text = " ".join((message.preview or "").split())
            text = text if len(text) <= _EXCERPT else f"{text[: _EXCERPT - 1]}…"
            told = row(
                format_date(self.env, message.date),
                ", ".join(filter(None, (kind, message.author_id.name, text))),
            )
            for value in values_of.get(customer_of[message.res_id], ()):
                rows.setdefault(value.id, []).append(told)
        return rows

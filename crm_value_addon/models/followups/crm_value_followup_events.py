from datetime import timedelta

from odoo import models
from odoo.tools import SQL

#: a service that was due for longer when its rule is switched on is not asked for any more
_SERVICE_DAYS = 90
#: bought so often within two years: a regular buyer of a product
_REGULAR_PURCHASES = 2
_REGULAR_DAYS = 730


class CrmValueFollowupEvents(models.Model):
    """Whom a rule concerns because of an invoice, a product, a contact person, an opportunity or a rating."""

    _inherit = "crm.value.followup.rule"

    def _due_after_purchase(self, company, today, still):
        """By the purchase days of report/crm_value_purchase.py: a day that was given back wholly is none."""
        day = today - timedelta(days=self.days)
        since = SQL("source.partner_id IN (%s)", self._select_open_customers(company)) if still \
            else self._window(SQL("source.date"), day, still)
        days = self.env["crm.value.purchase"]._query(SQL("source.company_id = %s AND %s", company.id, since))
        order = SQL("NULL::int")
        if self.target == "document":
            order = SQL(
                """(SELECT max(sale.id) FROM sale_order sale JOIN res_partner buyer ON buyer.id = sale.partner_id
                     WHERE buyer.commercial_partner_id = value.partner_id AND sale.company_id = %s
                       AND sale.state = 'sale' AND sale.date_order::date <= purchase.date)""", company.id)
        return self._select(
            company, SQL("purchase.is_purchase"), source=SQL(
                "JOIN (%s) purchase ON purchase.partner_id = value.partner_id", days),
            occasion=SQL("'purchase-' || purchase.date"), res_id=order, date=SQL("purchase.date"))

    def _select_open_customers(self, company):
        return SQL(
            """SELECT known.partner_id FROM crm_value_followup followup
                 JOIN crm_value known ON known.id = followup.value_id
                WHERE followup.rule_id = %s AND followup.company_id = %s AND followup.state = 'open'""",
            self.id, company.id)

    def _due_birthday(self, company, today, still):
        """Of the customer, or of a person who works there; the field is that of the usual module for it."""
        field = self.env["res.partner"]._fields.get("birthdate_date")
        if not field or not field.store:
            return self._due_manual(company, today, still)
        where, columns = self._yearly(SQL("person.birthdate_date"), today)
        return self._select(
            company, SQL("person.active AND %s", where),
            source=SQL("JOIN res_partner person ON person.commercial_partner_id = value.partner_id"),
            occasion=SQL("'birthday-' || person.id || '-' || %s", columns["number"]), res_id=SQL("person.id"),
            detail=SQL("person.name"), date=columns["date"], number=columns["number"])

    def _due_no_contact(self, company, today, still):
        """No purchase, order, message, activity done or meeting since the cadence of the customer's strategy ended."""
        since = SQL("(%s::date - %s)", today, self.env["crm.value"]._cadence_to_sql(company, self.days))
        return self._select(
            company, SQL("value.last_purchase_date < %s AND NOT EXISTS (%s)", since, SQL(" UNION ALL ").join(
                self._contact_sources(since))),
            source=SQL("""JOIN res_partner customer ON customer.id = value.partner_id
                          LEFT JOIN crm_value_tier tier ON tier.id = value.tier_id"""),
            occasion=SQL("%s", f"day-{today}"), date=SQL("value.last_purchase_date"),
            number=SQL("%s::date - value.last_purchase_date", today))

    def _contact_sources(self, since):
        """Return the SELECTs of what counts as a contact with the customer of the alias ``value`` since a day."""
        persons = SQL("SELECT id FROM res_partner person WHERE person.commercial_partner_id = value.partner_id")
        message = SQL("""message.date >= %s AND (message.message_type IN ('comment', 'email', 'email_outgoing')
                         OR message.mail_activity_type_id IS NOT NULL)""", since)
        return [
            SQL("SELECT 1 FROM sale_order WHERE partner_id IN (%s) AND state != 'cancel' AND date_order >= %s",
                persons, since),
            SQL("""SELECT 1 FROM mail_message message
                    WHERE message.model = 'res.partner' AND message.res_id IN (%s) AND %s""", persons, message),
            SQL("""SELECT 1 FROM sale_order sale JOIN mail_message message
                       ON message.model = 'sale.order' AND message.res_id = sale.id
                    WHERE sale.partner_id IN (%s) AND %s""", persons, message),
            SQL("""SELECT 1 FROM crm_lead lead JOIN mail_message message
                       ON message.model = 'crm.lead' AND message.res_id = lead.id
                    WHERE lead.partner_id IN (%s) AND %s""", persons, message),
            SQL("""SELECT 1 FROM calendar_event_res_partner_rel guest JOIN calendar_event event
                       ON event.id = guest.calendar_event_id
                    WHERE guest.res_partner_id IN (%s) AND event.active AND event.start >= %s""", persons, since),
        ]

    def _due_low_rating(self, company, today, still):
        """Where the module rating is installed. A rating knows no company: each that has the customer is told."""
        if "rating.rating" not in self.env:
            return self._due_manual(company, today, still)
        day = SQL("COALESCE(rating.rated_on, rating.write_date)::date")
        return self._select(
            company, SQL("rating.consumed AND rating.rating > 0 AND rating.rating <= %s AND %s", self.rating_max,
                         self._window(day, today, still)),
            source=SQL("""JOIN res_partner person ON person.commercial_partner_id = value.partner_id
                          JOIN rating_rating rating ON rating.partner_id = person.id"""),
            occasion=SQL("'rating-' || rating.id"), date=day, number=SQL("round(rating.rating)::int"),
            detail=SQL("COALESCE(NULLIF(rating.feedback, ''), rating.res_name)"))

    def _due_opportunity_stalled(self, company, today, still):
        changed = SQL("COALESCE(lead.date_last_stage_update, lead.create_date)::date")
        return self._select(
            company, SQL(
                """lead.type = 'opportunity' AND lead.active AND lead.won_status = 'pending' AND %s < %s
                   AND COALESCE(lead.company_id, team.company_id, seller.company_id) = %s""",
                changed, today - timedelta(days=self.days), company.id),
            source=SQL("""JOIN res_partner person ON person.commercial_partner_id = value.partner_id
                          JOIN crm_lead lead ON lead.partner_id = person.id
                          LEFT JOIN crm_team team ON team.id = lead.team_id
                          LEFT JOIN res_users seller ON seller.id = lead.user_id"""),
            occasion=SQL("'stalled-' || lead.id || '-' || %s", changed), res_id=SQL("lead.id"), date=changed,
            number=SQL("%s::date - %s", today, changed), detail=SQL("lead.name"))

    def _due_service_due(self, company, today, still):
        """So many months after the product was last invoiced, and not given back wholly since."""
        bought = self.env["crm.value.followup.source"]._products(
            company, SQL("template.value_remind_months > 0"))
        day = SQL("(bought.last_date + make_interval(months => template.value_remind_months))::date")
        until = today + timedelta(days=self.days)
        begun = SQL("%s <= %s", day, until) if still else SQL(
            "%s BETWEEN %s AND %s", day, until - timedelta(days=_SERVICE_DAYS), until)
        return self._select(
            company, begun,
            source=SQL("""JOIN (%s) bought ON bought.partner_id = value.partner_id
                          JOIN product_template template ON template.id = bought.template_id""", bought),
            occasion=SQL("'service-' || template.id || '-' || bought.last_date"), date=day,
            number=SQL("%s::date - bought.last_date", today),
            detail=self._translated(SQL("template.name"), company))

    def _due_product_replaced(self, company, today, still):
        """A product was archived and has a successor: its regular buyers are told."""
        bought = self.env["crm.value.followup.source"]._products(
            company, SQL("template.value_successor_id IS NOT NULL AND NOT template.active"))
        return self._select(
            company, SQL("bought.purchases >= %s AND bought.last_date >= %s",
                         _REGULAR_PURCHASES, today - timedelta(days=_REGULAR_DAYS)),
            source=SQL("""JOIN (%s) bought ON bought.partner_id = value.partner_id
                          JOIN product_template template ON template.id = bought.template_id
                          JOIN product_template successor ON successor.id = template.value_successor_id""", bought),
            occasion=SQL("'replaced-' || template.id || '-' || successor.id"), date=SQL("bought.last_date"),
            number=SQL("bought.purchases::int"), detail=SQL(
                "%s || ' → ' || %s", self._translated(SQL("template.name"), company),
                self._translated(SQL("successor.name"), company)))

    def _due_contact_gone(self, company, today, still):
        """The person invoiced last was archived, or works for somebody else now."""
        return self._select(
            company, SQL("(NOT person.active OR person.commercial_partner_id != value.partner_id)"),
            source=SQL("""JOIN (%s) last ON last.partner_id = value.partner_id
                          JOIN res_partner person ON person.id = last.contact_id""",
                       self.env["crm.value.followup.source"]._last_contacts(company)),
            occasion=SQL("'contact-' || person.id"), date=SQL("last.date"), detail=SQL("person.name"))

from odoo import api, models
from odoo.tools import SQL

#: ways of a contact, in the order of the selection; what Odoo records, and how a user reads it
CHANNELS = [
    ("call", "Call"),
    ("meeting", "Meeting"),
    ("mail", "E-mail"),
    ("sms", "Text message"),
    ("chat", "Live chat"),
    ("note", "Note"),
    ("activity", "Another activity"),
]
_CODES = {channel: code for code, (channel, _label) in enumerate(CHANNELS, 1)}
#: a moment and a channel in one number, so that one maximum tells both
_CHANNELS_IN_NUMBER = 16


class CrmValueContactSource(models.AbstractModel):
    """What Odoo records of contacts with customers: done activities, messages, text messages, meetings, live chats.

    How to use: `_select` for the contacts of all customers, `_contacts_of` for those of the customer of a row.

    How it works: each source is a SELECT of (person_id, moment in UTC, channel as its place in `CHANNELS`, company_id,
    NULL for all companies). A message that a user writes on a contact, an order or an opportunity counts whether it
    was sent or only noted, because a note tells of a talk; what Odoo or a rule writes by itself does not.
    """

    _name = "crm.value.contact.source"
    _description = "Customer Value: Reading of Contacts"

    @api.model
    def _sources(self):
        """Hook: the sources; another module adds its own."""
        return [
            self._messages("res.partner", SQL("message.res_id"), SQL("NULL::int"), SQL()),
            self._messages(
                "sale.order",
                SQL("sale.partner_id"),
                SQL("sale.company_id"),
                SQL("JOIN sale_order sale ON sale.id = message.res_id"),
            ),
            self._messages(
                "crm.lead",
                SQL("lead.partner_id"),
                SQL("lead.company_id"),
                SQL("JOIN crm_lead lead ON lead.id = message.res_id"),
            ),
            SQL(
                """SELECT guest.res_partner_id AS person_id, event.start AS moment, %s AS channel,
                          NULL::int AS company_id
                     FROM calendar_event_res_partner_rel guest
                     JOIN calendar_event event ON event.id = guest.calendar_event_id WHERE event.active""",
                _CODES["meeting"],
            ),
            SQL(
                """SELECT member.partner_id AS person_id, channel.create_date AS moment, %s AS channel,
                          NULL::int AS company_id
                     FROM discuss_channel channel JOIN discuss_channel_member member ON member.channel_id = channel.id
                    WHERE channel.channel_type = 'livechat' AND member.partner_id IS NOT NULL""",
                _CODES["chat"],
            ),
        ]

    @api.model
    def _messages(self, model, person, company, joins):
        """Return the SELECT of the messages on the records of a model.

        :param SQL person, company, joins: whose record it is
        """
        return SQL(
            """SELECT %(person)s AS person_id, message.date AS moment,
                      CASE WHEN kind.category = 'phonecall' THEN %(call)s
                           WHEN kind.category = 'meeting' THEN %(meeting)s
                           WHEN message.mail_activity_type_id IS NOT NULL THEN %(activity)s
                           WHEN message.message_type = 'sms' THEN %(sms)s
                           WHEN message.message_type = 'comment' AND (subtype.internal OR subtype.id IS NULL)
                           THEN %(note)s
                           ELSE %(mail)s END AS channel,
                      %(company)s AS company_id
                 FROM mail_message message %(joins)s
                 LEFT JOIN mail_activity_type kind ON kind.id = message.mail_activity_type_id
                 LEFT JOIN mail_message_subtype subtype ON subtype.id = message.subtype_id
                WHERE message.model = %(model)s AND (message.mail_activity_type_id IS NOT NULL
                      OR message.message_type IN ('comment', 'email', 'email_outgoing', 'sms'))""",
            person=person,
            company=company,
            joins=joins,
            model=model,
            **{channel: _CODES[channel] for channel in ("call", "meeting", "activity", "sms", "note", "mail")},
        )

    @api.model
    def _contacts_of(self, since):
        """Return the SELECTs of contacts with the customer of the alias ``value`` from a day on, one each source.

        :param SQL since: the day
        """
        return [
            SQL(
                """SELECT 1 FROM (%s) contact
                    WHERE contact.person_id IN (
                          SELECT id FROM res_partner person WHERE person.commercial_partner_id = value.partner_id)
                      AND (contact.company_id IS NULL OR contact.company_id = value.company_id)
                      AND contact.moment >= %s""",
                source,
                since,
            )
            for source in self._sources()
        ]

    @api.model
    def _select(self, basis, since):
        """Return the SELECT of (partner_id, last_day, channel, contacts) of all, or some, customers.

        ``last_day`` counts from 1970-01-01; ``contacts`` are the days with a contact from a day on: a call and the mail
        that confirms it are one contact.

        :param since: the day from which on contacts are counted
        """
        moment = SQL("(contact.moment AT TIME ZONE 'UTC' AT TIME ZONE %s)", str(basis.company._value_now().tzinfo))
        return SQL(
            """
            SELECT partner_id::int4, (max(last) / %(many)s / 86400)::int4 AS last_day,
                   (max(last) %% %(many)s)::int2 AS channel,
                   count(*) FILTER (WHERE day >= %(since)s)::int4 AS contacts
              FROM (SELECT person.commercial_partner_id AS partner_id, %(moment)s::date AS day,
                           max(EXTRACT(EPOCH FROM %(moment)s)::int8 * %(many)s + contact.channel) AS last
                      FROM (%(sources)s) contact JOIN res_partner person ON person.id = contact.person_id
                     WHERE (contact.company_id IS NULL OR contact.company_id = %(company)s)
                       AND contact.moment >= '1970-01-02' AND %(moment)s::date <= %(until)s AND %(where)s
                     GROUP BY 1, 2) days
             GROUP BY partner_id
            """,
            many=_CHANNELS_IN_NUMBER,
            since=since,
            until=basis.as_of,
            moment=moment,
            sources=SQL(" UNION ALL ").join(self._sources()),
            company=basis.company.id,
            where=basis.where(SQL("person.commercial_partner_id")),
        )

from odoo import api, models
from odoo.tools import SQL

#: what was answered longer ago says nothing any more
_DAYS = 730


class CrmValuePreference(models.AbstractModel):
    """Finds out by which way a customer likes to hear from us.

    How to use: `_channels` returns the action for each due customer of a rule that leaves it to the customer.

    How it works: a way that is noted on the contact counts first. Else the way by which the customer answered most in
    the last two years does: its mails to us, and the calls and meetings that took place. Of one who never answered,
    nothing is known, and the first way that the rule has a text for is taken. A way that cannot be used (no text in the
    rule, no address, refused, enough for now) becomes a call.
    """

    _name = "crm.value.preference"
    _description = "Messages: The Customer's Way"

    @api.model
    def _channels(self, rule, company, due, usable):
        """Return the action for each due customer: dict value id → code of the action.

        :param list usable: codes of the actions with a message that the rule has a text for, the first one preferred
        """
        if not due:
            return {}
        actions = self.env["crm.value.followup.action"]._actions()
        today = company._value_today()
        self.env.flush_all()
        hindrances = [
            SQL("%s IS NULL", self.env["crm.value.manners"]._hindrance(rule, company, actions[code].message, today))
            for code in usable
        ]
        rows = self.env.execute_query(
            SQL(
                """SELECT value.id, COALESCE(recipient.preferred_channel, customer.preferred_channel), %(learnt)s
                     %(free)s
                     FROM unnest(%(values)s::int[], %(recipients)s::int[]) AS due(value_id, recipient_id)
                     JOIN crm_value value ON value.id = due.value_id
                     JOIN res_partner customer ON customer.id = value.partner_id
                     JOIN res_partner recipient ON recipient.id = due.recipient_id""",
                learnt=self._learnt(today),
                free=SQL().join(SQL(", %s", condition) for condition in hindrances),
                values=[row.value_id for row in due],
                recipients=[self.env["crm.value.message"]._recipient_id(rule, row) for row in due],
            )
        )
        return {
            value_id: self._choose(
                noted or learnt, {code for code, one in zip(usable, free, strict=True) if one}, usable
            )
            for value_id, noted, learnt, *free in rows
        }

    @api.model
    def _choose(self, wish, free, usable):
        """Return the action for a customer.

        :param wish: what it prefers, None when that is unknown
        :param set free: codes of the actions by which it can be reached now
        """
        if wish is None:
            return next((code for code in usable if code in free), "activity")
        return wish if wish in free else "activity"

    @api.model
    def _learnt(self, today):
        """Return the SQL of the way by which a customer answered most, NULL when it never did."""
        return SQL(
            """(SELECT way.channel FROM (
                   SELECT 'mail' AS channel, count(*) AS answers FROM mail_message message
                     JOIN res_partner person ON person.id = message.author_id
                    WHERE person.commercial_partner_id = customer.id AND message.message_type = 'email'
                      AND message.date > %(today)s::date - %(days)s
                   UNION ALL
                   SELECT 'activity', count(*) FROM mail_message message
                     JOIN mail_activity_type done ON done.id = message.mail_activity_type_id
                     JOIN res_partner person ON person.id = message.res_id AND message.model = 'res.partner'
                    WHERE person.commercial_partner_id = customer.id AND done.category IN ('phonecall', 'meeting')
                      AND message.date > %(today)s::date - %(days)s) way
                WHERE way.answers > 0 ORDER BY way.answers DESC, way.channel DESC LIMIT 1)""",
            today=today,
            days=_DAYS,
        )

from datetime import timedelta

import pytz

from odoo import api, models
from odoo.tools import SQL, str2bool
from odoo.tools.translate import LazyTranslate

from ..refresh.said import SaidError

_lt = LazyTranslate(__name__)


class CrmValueManners(models.AbstractModel):
    """Decides whom no message may reach, and when messages may go out.

    How to use: `_hindrance` is the reason why a message cannot be sent, as SQL: NULL where nothing is against it, else
    one of the codes of `_reasons`. `_send_at` tells the moment from which on messages may be sent.

    How it works: for each kind of message a method `_obstacles_<message>` returns the conditions, the first of which
    counts. The aliases are ``recipient``, the contact that would get the message, and ``value``.
    """

    _name = "crm.value.manners"
    _description = "Messages: Manners"

    @api.model
    def _reasons(self):
        """Return why nothing is sent, in words, by code."""
        return {
            "archived": self.env._("the contact is archived"),
            "opt_out": self.env._("opted out of scoring"),
            "no_address": self.env._("no e-mail address"),
            "no_number": self.env._("no valid phone number"),
            "blacklisted": self.env._("blacklisted"),
            "refused": self.env._("refused this kind of messages"),
            "limit": self.env._("had enough messages in these days"),
        }

    @api.model
    def _hindrance(self, rule, company, message, today):
        """Return the SQL of the reason why no message of the rule may reach a customer, NULL when one may.

        :param message: "mail" or "sms"
        """
        obstacles = {
            **getattr(self, f"_obstacles_{message}")(rule),
            "refused": SQL(
                """EXISTS (SELECT FROM crm_value_message_refusal_rel refused
                            WHERE refused.partner_id = recipient.id AND refused.kind_id = %s)""",
                rule.message_kind_id.id,
            ),
        }
        if not self.env["crm.value.followup.action"]._action(rule).is_place:
            obstacles["limit"] = self._has_enough(company, today)
        cases = [SQL("WHEN %s THEN %s", condition, code) for code, condition in obstacles.items()]
        return SQL("CASE %s END", SQL(" ").join(cases))

    @api.model
    def _obstacles_mail(self, _rule):
        return {
            "no_address": SQL("COALESCE(recipient.email_normalized, '') = ''"),
            "blacklisted": SQL(
                """EXISTS (SELECT FROM mail_blacklist blocked
                            WHERE blocked.active AND blocked.email = recipient.email_normalized)"""
            ),
        }

    @api.model
    def _has_enough(self, company, today):
        """Return the condition that a customer had as many messages as it may get, mails about its tier included."""
        most, days = company.value_message_limit, company.value_message_days
        if not most:
            return SQL("FALSE")
        since = today - timedelta(days=days)
        return SQL(
            """(SELECT count(*) FROM crm_value_followup told
                 WHERE told.value_id = value.id AND told."group" = 'treated' AND told.date > %(since)s
                   AND told.channel = ANY(%(channels)s))
             + (SELECT count(*) FROM crm_value_mail told
                 WHERE told.value_id = value.id AND told.create_date::date > %(since)s) >= %(most)s""",
            since=since,
            channels=self.env["crm.value.followup.action"]._messages(),
            most=most,
        )

    @api.model
    def _send_at(self, company):
        """Return from when on messages may be sent: the next working hour of the company, False for now.

        :return: datetime in UTC, without a timezone
        """
        calendar = company.resource_calendar_id
        if not company.value_message_quiet or not calendar.attendance_ids:
            return False
        now = pytz.utc.localize(self.env.cr.now())
        opens = calendar.plan_hours(0.01, now, compute_leaves=True)
        if not opens:
            return False
        # it answers when the first minute is over; a minute that is under way began before now
        begins = (opens - timedelta(hours=0.01)).astimezone(pytz.utc)
        return begins.replace(tzinfo=None) if begins > now else False

    @api.model
    def _check_may_send(self):
        """Refuse to send anything from a copy of the database that was made to try things out.

        :raise UserError: the database is neutralised
        """
        # sudo: reads whether the database is a copy.
        if str2bool(self.env["ir.config_parameter"].sudo().get_param("database.is_neutralized") or "", False):
            raise SaidError(self.env, _lt("This database is a neutralised copy: it sends nothing to customers."))

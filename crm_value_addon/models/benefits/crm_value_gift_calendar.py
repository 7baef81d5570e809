import logging
from datetime import timedelta

import psycopg2

from odoo import api, models
from odoo.tools import SQL

from ..tiers.crm_value_tier_change import SILENT_SOURCES
from .crm_value_gift import CATCH_UP_DAYS

_logger = logging.getLogger(__name__)


class CrmValueGrant(models.Model):
    """Gifts on a day of the calendar, and the mails about all gifts: the work of one cron."""

    _inherit = "crm.value.grant"

    @api.model
    def _cron_gifts(self):
        """Give what is due, company by company, then send what waits, one by one; each step is committed."""
        companies = self.env["res.company"].search([])
        self.env["ir.cron"]._commit_progress(remaining=len(companies))
        for company in companies:
            try:
                with self.env.cr.savepoint():
                    self._give_due(company)
                self.env["crm.value.run"]._end_alarms(company, ["gift"])
            except Exception as error:
                _logger.exception("Customer value: the gifts of company %s could not be given", company.id)
                self.env["crm.value.run"]._record_failure(company, "gift", error)
            self.env["ir.cron"]._commit_progress(1)
        waiting = self.search([("mail_state", "=", "waiting")], order="id")
        self.env["ir.cron"]._commit_progress(remaining=len(waiting))
        for grant in waiting:
            grant._send_mail()
            if not self.env["ir.cron"]._commit_progress(1):
                break

    @api.model
    def _give_due(self, company):
        """Give a company's dated gifts of the last days, and those for tiers that could not be given at once.

        :return: the new lines
        """
        today = company._value_today()
        since = today - timedelta(days=CATCH_UP_DAYS - 1)
        changes = self.env["crm.value.tier.change"].search([
            ("value_id.company_id", "=", company.id), ("date", ">=", since), ("source", "not in", SILENT_SOURCES),
            ("to_tier_id.benefit_ids.benefit_type", "=", "gift")])
        self.env.flush_all()
        wishes = []
        for benefit_id, value_id, day in self.env.execute_query(self._query_dated(company, since, today)):
            benefit, value = self.env["crm.value.benefit"].browse(benefit_id), self.env["crm.value"].browse(value_id)
            if not self._is_paused(value):
                wishes.append((benefit, value, f"{benefit.occasion} {day.year}", day, value.browse()))
        return self._give_for_changes(changes) + self._claim(wishes)

    @api.model
    def _query_dated(self, company, since, today):
        """Return the SELECT of (benefit id, value id, day) of the birthdays and anniversaries between two days.

        A 29th of February is celebrated on the 28th in other years. The customer must have had the tier on the day.
        """
        return SQL(
            """
            SELECT benefit.id, value.id, due.day
              FROM crm_value value
              JOIN res_partner partner ON partner.id = value.partner_id AND partner.active
              JOIN crm_value_tier tier ON tier.id = value.tier_id AND tier.active
              JOIN crm_value_benefit benefit ON benefit.tier_id = tier.id AND benefit.active
                   AND benefit.benefit_type = 'gift' AND COALESCE(benefit.company_id, %(company)s) = %(company)s
              JOIN loyalty_program program ON program.id = benefit.program_id AND program.active
              JOIN LATERAL (SELECT CASE benefit.occasion WHEN 'birthday' THEN partner.birthdate_date
                                        WHEN 'anniversary' THEN value.first_purchase_date END AS day) origin ON TRUE
              JOIN generate_series(%(first_year)s, %(last_year)s) year ON year > extract(year FROM origin.day)
              JOIN LATERAL (SELECT (origin.day + (year - extract(year FROM origin.day)::int) * interval '1 year')::date
                                   AS day) due ON due.day BETWEEN %(since)s AND %(today)s
             WHERE value.company_id = %(company)s
               AND due.day BETWEEN COALESCE(benefit.date_from, due.day) AND COALESCE(benefit.date_to, due.day)
               AND COALESCE(value.tier_since, due.day) <= due.day
               AND NOT EXISTS (SELECT FROM crm_value_grant gift
                                WHERE gift.benefit_id = benefit.id AND gift.value_id = value.id
                                  AND gift.occasion = benefit.occasion || ' ' || year)
             ORDER BY value.id, benefit.id
            """,
            company=company.id, since=since, today=today, first_year=since.year, last_year=today.year)

    def _send_mail(self):
        """Queue the mail about a coupon: the company's own, else the program's, without wkhtmltopdf without its PDF."""
        self.ensure_one()
        card = self.card_id
        if self.state != "given" or not card or not self.env["crm.value.mail"]._is_mailable(self.partner_id):
            self.mail_state = False
            return
        own = self._mail_template()
        can_print = self.env["ir.actions.report"].get_wkhtmltopdf_state() in ("ok", "upgrade", "workers")
        try:
            with self.env.cr.savepoint():
                if own:
                    own.send_mail(self.id, force_send=False)
                else:
                    card.with_context(value_no_report=not can_print)._send_creation_communication()
                self.mail_state = "sent"
        except psycopg2.OperationalError:
            raise
        except Exception:
            _logger.exception("Customer value: the mail about coupon %s could not be made", card.id)
            self.mail_state = "failed"

    def _mail_template(self):
        """Return the company's own template for this gift, empty where the coupon's program has the word."""
        self.ensure_one()
        company = self.company_id
        return {"birthday": company.value_mail_birthday_id, "anniversary": company.value_mail_anniversary_id}.get(
            self.benefit_id.occasion, self.env["mail.template"])

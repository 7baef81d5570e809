import logging
from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.tools import SQL

from ...const import CATCH_UP_DAYS

_logger = logging.getLogger(__name__)


class CrmValueMail(models.Model):
    """A mail to a customer about its tier: one record per customer and occasion.

    Record and mail are made in one transaction and the constraint allows one record per occasion, so that a run that is
    killed, repeated or started twice sends no mail twice. Odoo's own queue sends the mail.
    """

    _name = "crm.value.mail"
    _description = "Mail About a Tier"
    _order = "id desc"
    _rec_name = "occasion"

    value_id = fields.Many2one(
        "crm.value", string="Customer Value", required=True, ondelete="cascade", index=True, readonly=True
    )
    partner_id = fields.Many2one(related="value_id.partner_id", string="Customer")
    company_id = fields.Many2one(related="value_id.company_id")
    kind = fields.Selection(
        [
            ("reached", "Tier reached"),
            ("danger", "Tier in danger"),
            ("points", "Points lapse"),
            ("rules", "Rules change"),
        ],
        required=True,
        readonly=True,
    )
    tier_id = fields.Many2one("crm.value.tier", ondelete="set null", readonly=True)
    occasion = fields.Char(required=True, readonly=True)

    _occasion_uniq = models.Constraint("UNIQUE(value_id, kind, occasion)", "A customer is told once of an occasion.")

    # sending

    @api.model
    def _on_tier_changes(self, changes):
        """Wake the cron of the mails where a company mails about reached tiers (see `crm.value.tier.change`)."""
        if changes.company_id.value_mail_reached_id:
            self.env.ref("crm_value_addon.ir_cron_mails").sudo()._trigger()  # sudo: whoever caused the changes

    @api.model
    def _cron_mails(self):
        """Put the mails that are due into Odoo's queue, each in its own transaction."""
        self.env["crm.value.tier.asked"]._note(self.env["res.company"].search([]))
        due = [
            (company.id, kind, *row)
            for company in self.env["res.company"].search([])
            for kind in ("reached", "danger", "points", "rules")
            for row in self._due(company, kind)
        ]
        self.env["ir.cron"]._commit_progress(remaining=len(due))
        for company_id, kind, value_id, tier_id, occasion in due:
            company = self.env["res.company"].browse(company_id)
            self.with_company(company).with_context(allowed_company_ids=company.ids)._send_safely(
                company, kind, value_id, tier_id, occasion
            )
            if not self.env["ir.cron"]._commit_progress(1):
                break

    @api.model
    def _send_safely(self, company, kind, *occasion):
        """Make a mail; an error is logged, leaves the other mails alone, and the next run tries again."""
        try:
            with self.env.cr.savepoint():
                self._send(company, kind, *occasion)
        except psycopg2.OperationalError:
            raise
        except Exception:
            _logger.exception("Customer value: a mail about the tier of %s could not be made", occasion[0])

    @api.model
    def _send(self, company, kind, value_id, tier_id, occasion):
        """Record an occasion and make its mail, unless the occasion is recorded already."""
        recorded = self.env.execute_query(
            SQL(
                """
            INSERT INTO crm_value_mail (value_id, kind, tier_id, occasion,
                                        create_uid, create_date, write_uid, write_date)
            VALUES (%s, %s, %s, %s, %s, now() AT TIME ZONE 'UTC', %s, now() AT TIME ZONE 'UTC')
            ON CONFLICT DO NOTHING RETURNING id
            """,
                value_id,
                kind,
                tier_id,
                occasion,
                self.env.uid,
                self.env.uid,
            )
        )
        if recorded:
            self._template(company, kind).send_mail(value_id, force_send=False)

    @api.model
    def _template(self, company, kind):
        return company[f"value_mail_{kind}_id"]

    @api.model
    def _mail_for_reaching(self, value, tier, day):
        """Return the template of the mail that a customer would get if it reached a tier on a day, empty for none."""
        template = self._template(value.company_id, "reached")
        told = self.search_count(
            [("value_id", "=", value.id), ("kind", "=", "reached"), ("occasion", "=", f"tier {tier.id} {day.year}")],
            limit=1,
        )
        return template if not told and self._is_mailable(value.partner_id) else template.browse()

    # recipients

    @api.model
    def _due(self, company, kind):
        """Return the occasions of a company without a mail so far: list of (value id, tier id, occasion)."""
        today = company._value_today()
        if not self._template(company, kind) or company._value_is_early(today):
            return []
        self.env.flush_all()
        occasions = {
            "reached": lambda: self._select_reached(today),
            "danger": lambda: self._select_danger(company, today),
            "points": lambda: self.env["crm.value.points.expiry"]._select_announced(company, today),
            "rules": lambda: self.env["crm.value.tier.plan"]._select_told(company, today),
        }[kind]()
        return self.env.execute_query(
            SQL(
                """
            SELECT DISTINCT due.value_id, due.tier_id, due.occasion
              FROM (%(occasions)s) due
              JOIN crm_value value ON value.id = due.value_id AND value.company_id = %(company)s
              LEFT JOIN crm_value_tier tier ON tier.id = due.tier_id
              JOIN res_partner partner ON partner.id = value.partner_id
             WHERE %(mailable)s AND (due.tier_id IS NULL OR tier.active)
               AND NOT EXISTS (SELECT FROM crm_value_mail sent WHERE sent.value_id = due.value_id
                                  AND sent.kind = %(kind)s AND sent.occasion = due.occasion)
             ORDER BY due.value_id
            """,
                occasions=occasions,
                company=company.id,
                mailable=self._where_mailable(),
                kind=kind,
            )
        )

    @api.model
    def _select_reached(self, today):
        """Select the customers who rose in the last days and still have the tier; an occasion per tier and year."""
        return SQL(
            """
            SELECT change.value_id, change.to_tier_id AS tier_id,
                   'tier ' || change.to_tier_id || ' ' || extract(year FROM change.date)::int AS occasion
              FROM crm_value_tier_change change
              JOIN crm_value risen ON risen.id = change.value_id AND risen.tier_id = change.to_tier_id
              JOIN crm_value_tier after ON after.id = change.to_tier_id
              LEFT JOIN crm_value_tier before ON before.id = change.from_tier_id
             WHERE change.date >= %s AND change.is_silent IS NOT TRUE
               AND (before.id IS NULL OR (after.sequence, after.id) > (before.sequence, before.id))
            """,
            today - timedelta(days=CATCH_UP_DAYS - 1),
        )

    @api.model
    def _select_danger(self, company, today):
        return SQL(
            """
            SELECT endangered.id AS value_id, endangered.tier_id,
                   'tier ' || endangered.tier_id || ' until ' || endangered.tier_review_date AS occasion
              FROM crm_value endangered
             WHERE endangered.tier_review_date BETWEEN %s AND %s AND endangered.tier_id IS NOT NULL
            """,
            today,
            today + timedelta(days=company.value_mail_danger_days),
        )

    @api.model
    def _where_mailable(self):
        """Return the condition that the contact with the alias ``partner`` may and can get mails."""
        return SQL(
            """(partner.active AND COALESCE(partner.email_normalized, '') != '' AND %s AND NOT EXISTS (
                   SELECT FROM mail_blacklist blocked
                    WHERE blocked.active AND blocked.email = partner.email_normalized))""",
            self.env["crm.value.followup.due"]._where_reachable(),
        )

    @api.model
    def _is_mailable(self, partner):
        self.env.flush_all()
        return bool(
            self.env.execute_query(
                SQL("SELECT FROM res_partner partner WHERE partner.id = %s AND %s", partner.id, self._where_mailable())
            )
        )

import logging

import psycopg2

from odoo import api, fields, models
from odoo.tools import SQL, format_amount, format_date

_logger = logging.getLogger(__name__)

#: lines of each part of the mail
_LINES = 8
#: what may be missing of the next tier for a customer to be near it, in percent
_NEAR_PERCENT = 20


class CrmValueMonday(models.AbstractModel):
    """The mail of salespeople on Mondays: whom to call, whose purchase is overdue, who is near a tier, what is lost.

    How to use: `_cron_monday`, once a week for each company that wants it; a second call in the same week does nothing.

    How it works: each part is one query for all salespeople of a company. A salesperson reads about their own customers
    what they may read on the screens, in their own language; nothing to tell, no mail.
    """

    _name = "crm.value.monday"
    _description = "Customer Value: Monday Mail"

    @api.model
    def _cron_monday(self):
        """Write the mails company by company; commit after each."""
        companies = self.env["res.company"].search([("value_monday_mail", "=", True)])
        self.env["ir.cron"]._commit_progress(remaining=len(companies))
        for company in companies:
            try:
                with self.env.cr.savepoint():
                    self._write_mails(company)
            except psycopg2.OperationalError:
                raise
            except Exception:
                _logger.exception("Customer value: the Monday mails of company %s could not be made", company.id)
            self.env["ir.cron"]._commit_progress(1)

    @api.model
    def _write_mails(self, company):
        """Write the mails of a company for this week, unless they were written."""
        today = company._value_today()
        monday = fields.Date.subtract(today, days=today.weekday())
        if company.value_monday_sent and company.value_monday_sent >= monday:
            return
        company.value_monday_sent = today
        parts = {name: self._lines_of(company, select) for name, select in self._selects(company, today).items()}
        user_ids = sorted(set().union(*parts.values()))
        users = (
            self.env["res.users"]
            .browse(user_ids)
            .filtered(lambda user: user.active and user._is_internal() and user.email and company in user.company_ids)
        )
        self.env["mail.mail"].sudo().create(  # sudo: the cron writes to whom the settings say
            [
                self._prepare_mail(company, user, {name: lines.get(user.id, []) for name, lines in parts.items()})
                for user in users
                if user.has_group("sales_team.group_sale_salesman")
            ]
        )

    @api.model
    def _lines_of(self, company, select):
        """Return the first lines of each salesperson: dict of user id → list of (name, date, amount, text)."""
        self.env.flush_all()
        lines = {}
        for user_id, *line in self.env.execute_query(
            SQL(
                """SELECT user_id, name, date, amount, text
                     FROM (SELECT found.*, row_number() OVER (PARTITION BY user_id ORDER BY rank, name) AS place
                             FROM (%s) found WHERE user_id IS NOT NULL) ranked
                    WHERE place <= %s ORDER BY user_id, place""",
                select,
                _LINES,
            )
        ):
            lines.setdefault(user_id, []).append(line)
        return lines

    @api.model
    def _selects(self, company, today):
        """Return the parts of the mail: name → SELECT of (user_id, name, date, amount, text, rank)."""
        of_company = SQL(
            """FROM crm_value value JOIN res_partner partner ON partner.id = value.partner_id
                      AND partner.active AND partner.value_opt_out IS NOT TRUE"""
        )
        near = self.env["crm.value.followup.trigger"]._due_near_next_tier(
            self.env["crm.value.followup.rule"].new({"gap_percent": _NEAR_PERCENT}), company, today, False
        )
        Trigger = self.env["crm.value.followup.trigger"]
        return {
            "calls": SQL(
                """SELECT followup.user_id, partner.name, followup.deadline AS date, value.revenue_12m AS amount,
                          followup.summary AS text, followup.deadline - DATE '2000-01-01' AS rank
                     %s JOIN crm_value_followup followup ON followup.value_id = value.id
                    WHERE followup.company_id = %s AND followup.state = 'open' AND followup."group" = 'treated'
                      AND followup.deadline <= %s""",
                of_company,
                company.id,
                fields.Date.add(today, days=6),
            ),
            "overdue": SQL(
                """SELECT partner.user_id, partner.name, value.next_purchase_date AS date, value.revenue_12m AS amount,
                          NULL::text AS text, -value.revenue_12m AS rank
                     %s WHERE value.company_id = %s AND value.next_purchase_date < %s
                          AND value.lifecycle_stage IN ('active', 'loyal', 'at_risk', 'new', 'won_back')""",
                of_company,
                company.id,
                today,
            ),
            "near": SQL(
                """SELECT partner.user_id, partner.name, NULL::date AS date, value.revenue_12m AS amount,
                          %s AS text, -value.revenue_12m AS rank
                     %s JOIN (%s) near ON near.value_id = value.id
                        JOIN crm_value_tier tier ON tier.id = value.next_tier_id""",
                Trigger._translated(SQL("tier.name"), company),
                of_company,
                near,
            ),
            "lost_items": SQL(
                """SELECT partner.user_id, partner.name, product.last_date AS date,
                          product.revenue_at_stake AS amount,
                          COALESCE(%s, category.complete_name) AS text, -product.revenue_at_stake AS rank
                     %s JOIN crm_value_product product ON product.value_id = value.id
                     LEFT JOIN product_template template ON template.id = product.product_tmpl_id
                     LEFT JOIN product_category category ON category.id = product.category_id
                    WHERE value.company_id = %s AND product.state = 'lost' AND product.purchase_count > 1
                      AND product.revenue_at_stake > 0 AND NOT %s""",
                Trigger._translated(SQL("template.name"), company),
                of_company,
                company.id,
                self.env["crm.value.product"]._is_dismissed_to_sql("product"),
            ),
        }

    @api.model
    def _prepare_mail(self, company, user, parts):
        """Return the values of the mail to a salesperson, in their language."""
        speaking = self.with_context(lang=user.lang)
        currency = company.currency_id
        body = speaking.env["ir.qweb"]._render(
            "crm_value_addon.monday_mail",
            {
                "user": user,
                "company": company,
                "parts": {
                    name: [
                        {
                            "name": name_of,
                            "date": format_date(speaking.env, date, lang_code=user.lang) if date else "",
                            "amount": format_amount(speaking.env, amount or 0.0, currency, lang_code=user.lang),
                            "text": text or "",
                        }
                        for name_of, date, amount, text in lines
                    ]
                    for name, lines in parts.items()
                },
                "url": f"{company.get_base_url()}/odoo/action-crm_value_addon.action_value_dashboard",
            },
        )
        return {
            "subject": speaking.env._("Your customers this week: %(company)s", company=company.name),
            "body_html": body,
            "email_from": company.email_formatted or user.email_formatted,
            "email_to": user.email_formatted,
            "auto_delete": True,
            "state": "outgoing",
        }

from dateutil.relativedelta import relativedelta

from odoo import models
from odoo.tools import SQL


class CrmValueCostSource(models.AbstractModel):
    """What serving a customer has cost: one SELECT per driver that the settings turn on.

    Each has the columns partner_id (commercial), driver, count (items), cost (so far), cost_12m (the part of it that
    falls in the last 12 months and may be expected again; an acquisition is not).
    """

    _name = "crm.value.cost.source"
    _description = "Cost to Serve: Sources"

    def _query(self, company, as_of, where=None):
        """Return the SELECT over all drivers of a company, None where all are off.

        :param SQL where: condition on ``partner_id``, the commercial partner
        """
        drivers = [driver for name in self._drivers() if (driver := getattr(self, f"_select_{name}")(company, as_of))]
        if not drivers:
            return None
        return SQL("SELECT * FROM (%s) driver WHERE %s", SQL(" UNION ALL ").join(drivers), where or SQL("TRUE"))

    def _drivers(self):
        return ["acquisition", "work", "benefits", "credit_notes", "late_payment"]

    def _year_ago(self, as_of):
        return as_of - relativedelta(years=1)

    def _select_acquisition(self, company, as_of):
        """An amount for each won opportunity, or that of the source of the customer's first one."""
        won = SQL(
            """
            SELECT partner.commercial_partner_id AS partner_id, lead.id, lead.source_id
              FROM %s lead JOIN res_partner partner ON partner.id = lead.partner_id
             WHERE lead.won_status = 'won' AND lead.active
               AND COALESCE(lead.date_closed, lead.create_date)::date <= %s""",
            self.env["crm.lead"]._select_of_company(company),
            as_of,
        )
        if company.value_cost_acquisition == "lead" and company.value_cost_won_lead:
            return SQL(
                """SELECT partner_id, 'acquisition' AS driver, count(*)::int AS count,
                          count(*) * %s::numeric AS cost, 0::numeric AS cost_12m
                     FROM (%s) won GROUP BY partner_id""",
                company.value_cost_won_lead,
                won,
            )
        if company.value_cost_acquisition == "source":
            self.env["utm.source"].flush_model()
            return SQL(
                """SELECT first.partner_id, 'acquisition' AS driver, 1 AS count,
                          (source.value_acquisition_cost->>%s)::numeric AS cost, 0::numeric AS cost_12m
                     FROM (SELECT DISTINCT ON (partner_id) partner_id, source_id
                             FROM (%s) won ORDER BY partner_id, id) first
                     JOIN utm_source source ON source.id = first.source_id
                    WHERE (source.value_acquisition_cost->>%s)::numeric > 0""",
                str(company.id),
                won,
                str(company.id),
            )
        return None

    def _select_work(self, company, as_of):
        """Activities done and messages written, by the minutes and the hourly cost in the settings."""
        if not (company.value_cost_work and company.value_hourly_cost):
            return None
        return SQL(
            """
            SELECT COALESCE(contact.commercial_partner_id, lead_partner.commercial_partner_id,
                            order_partner.commercial_partner_id, move.commercial_partner_id) AS partner_id,
                   'work' AS driver, count(*)::int AS count, sum(work.minutes) * %(per_minute)s::numeric AS cost,
                   COALESCE(sum(work.minutes) FILTER (WHERE work.day > %(year_ago)s), 0) * %(per_minute)s::numeric
                   AS cost_12m
              FROM (%(work)s) work
              LEFT JOIN res_partner contact ON work.model = 'res.partner' AND contact.id = work.res_id
              LEFT JOIN crm_lead lead ON work.model = 'crm.lead' AND lead.id = work.res_id
              LEFT JOIN crm_team team ON team.id = lead.team_id
              LEFT JOIN res_partner lead_partner ON lead_partner.id = lead.partner_id
              LEFT JOIN sale_order sale ON work.model = 'sale.order' AND sale.id = work.res_id
              LEFT JOIN res_partner order_partner ON order_partner.id = sale.partner_id
              LEFT JOIN account_move move ON work.model = 'account.move' AND move.id = work.res_id
              LEFT JOIN res_users worker ON worker.id = work.user_id
             WHERE work.day <= %(as_of)s AND (move.id IS NULL OR move.move_type LIKE 'out\\_%%')
               AND COALESCE(sale.company_id, move.company_id, lead.company_id, team.company_id, worker.company_id)
                   = %(company)s
             GROUP BY 1
            """,
            work=self._select_minutes(company),
            per_minute=company.value_hourly_cost / 60,
            as_of=as_of,
            year_ago=self._year_ago(as_of),
            company=company.id,
        )

    def _select_minutes(self, company):
        """Return the SELECT of (model, res_id, user_id, day, minutes) of what was done for customers.

        A follow-up that closed by itself took nobody's time.
        """
        return SQL(
            """
            SELECT activity.res_model AS model, activity.res_id, activity.user_id, activity.date_done AS day,
                   %(activity)s AS minutes
              FROM mail_activity activity
              LEFT JOIN crm_value_followup followup
                     ON followup.id = activity.value_followup_id AND followup.state = 'closed'
             WHERE activity.date_done IS NOT NULL AND activity.res_model IN %(models)s
               AND (followup.id IS NULL OR activity.feedback IS DISTINCT FROM followup.close_term)
            UNION ALL
            SELECT message.model, message.res_id, author.id, message.date::date, %(message)s
              FROM mail_message message
              JOIN res_users author ON author.partner_id = message.author_id AND NOT author.share
             WHERE message.message_type = 'comment' AND message.mail_activity_type_id IS NULL
               AND message.model IN %(models)s
            """,
            activity=company.value_activity_minutes,
            message=company.value_message_minutes,
            models=("res.partner", "crm.lead", "sale.order", "account.move"),
        )

    def _select_benefits(self, company, as_of):
        """Gifts given, and the share of the discounts of confirmed orders that the settings count."""
        if not company.value_cost_benefits:
            return None
        return SQL(
            """
            SELECT partner_id, 'benefits' AS driver, count(*)::int AS count, sum(cost) AS cost,
                   COALESCE(sum(cost) FILTER (WHERE day > %(year_ago)s), 0) AS cost_12m
              FROM (SELECT value.partner_id, gift.date AS day, %(gift)s::numeric AS cost
                      FROM crm_value_grant gift JOIN crm_value value ON value.id = gift.value_id
                     WHERE gift.state = 'given' AND gift.earning_id IS NULL AND value.company_id = %(company)s
                    UNION ALL
                    SELECT partner.commercial_partner_id, sale.date_order::date,
                           line.value_benefit_cost / COALESCE(NULLIF(sale.currency_rate, 0), 1) * %(share)s::numeric
                      FROM sale_order_line line JOIN sale_order sale ON sale.id = line.order_id
                      JOIN res_partner partner ON partner.id = sale.partner_id
                     WHERE sale.state = 'sale' AND sale.company_id = %(company)s AND line.value_benefit_cost > 0
                   ) given
             WHERE day <= %(as_of)s AND cost > 0 GROUP BY partner_id
            """,
            company=company.id,
            as_of=as_of,
            year_ago=self._year_ago(as_of),
            gift=company.value_cost_gift,
            share=company.value_cost_discount_share,
        )

    def _select_credit_notes(self, company, as_of):
        """An amount for each document by which something was given back."""
        if not (company.value_cost_credit_notes and company.value_cost_credit_note):
            return None
        return SQL(
            """
            SELECT move.commercial_partner_id AS partner_id, 'credit_notes' AS driver, count(*)::int AS count,
                   count(*) * %(rate)s::numeric AS cost,
                   count(*) FILTER (WHERE COALESCE(move.invoice_date, move.date) > %(year_ago)s) * %(rate)s::numeric
                   AS cost_12m
              FROM crm_value_document document JOIN account_move move ON move.id = document.move_id
             WHERE document.role = 'return' AND move.company_id = %(company)s
               AND COALESCE(move.invoice_date, move.date) <= %(as_of)s AND %(documents)s
             GROUP BY move.commercial_partner_id
            """,
            rate=company.value_cost_credit_note,
            company=company.id,
            as_of=as_of,
            year_ago=self._year_ago(as_of),
            documents=self.env["crm.value.purchase"]._where_document("move"),
        )

    def _select_late_payment(self, company, as_of):
        """Interest on receivables: days late × amount × yearly rate / 365; what is open is late until today."""
        if not (company.value_cost_late_payment and company.value_cost_interest):
            return None
        return SQL(
            """
            SELECT partner_id, 'late_payment' AS driver, count(*)::int AS count,
                   sum((settled - maturity) * amount) * %(daily)s::numeric AS cost,
                   sum(GREATEST(settled - GREATEST(maturity, %(year_ago)s), 0) * amount) * %(daily)s::numeric
                   AS cost_12m
              FROM (%(late)s) late
             WHERE settled > maturity AND amount > 0 GROUP BY partner_id
            """,
            late=self._select_late(company, as_of),
            daily=company.value_cost_interest / 365,
            year_ago=self._year_ago(as_of),
        )

    def _select_late(self, company, as_of):
        """Return the SELECT of (partner_id, move_id, maturity, settled, amount) of receivables, by settled parts."""
        return SQL(
            """
            SELECT move.commercial_partner_id AS partner_id, move.id AS move_id, line.date_maturity AS maturity,
                   part.settled, part.amount
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id
              JOIN account_account account ON account.id = line.account_id
              JOIN LATERAL (
                   SELECT LEAST(paid.max_date, %(as_of)s) AS settled, paid.amount
                     FROM account_partial_reconcile paid WHERE paid.debit_move_id = line.id
                    UNION ALL
                   SELECT %(as_of)s, line.amount_residual WHERE line.amount_residual > 0) part ON TRUE
             WHERE account.account_type = 'asset_receivable' AND line.debit > 0 AND line.company_id = %(company)s
               AND line.date_maturity < %(as_of)s AND %(documents)s
            """,
            company=company.id,
            as_of=as_of,
            documents=self.env["crm.value.purchase"]._where_document("move"),
        )

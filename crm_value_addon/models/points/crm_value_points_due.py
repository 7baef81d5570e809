import logging

import psycopg2

from odoo import api, fields, models
from odoo.tools import SQL

_logger = logging.getLogger(__name__)
#: customers per transaction
_BATCH = 200


class CrmValuePointsDue(models.Model):
    """Customers whose points have to follow their documents and payments: append-only, as `crm.value.queue`.

    A refresh appends; the cron of the points takes the rows, because a refresh writes no table of Odoo's.
    """

    _name = "crm.value.points.due"
    _description = "Points to Be Brought up to Date"
    _log_access = False
    _order = "id"
    _rec_name = "partner_key"

    partner_key = fields.Integer(required=True)
    company_key = fields.Integer(required=True)

    @api.model
    def _wake(self, company, partner_ids):
        """Note customers whose documents or payments changed, if they have a card whose points follow these."""
        programs = self.env["loyalty.program"]._followed_ids(("returned", "paid"))
        if not programs or not len(partner_ids):
            return
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value_points_due (partner_key, company_key)
            SELECT DISTINCT contact.commercial_partner_id, %s
              FROM res_partner contact JOIN loyalty_card card ON card.partner_id = contact.id
             WHERE contact.commercial_partner_id = ANY(%s) AND card.program_id = ANY(%s)
            """,
                company.id,
                list(partner_ids),
                list(programs),
            )
        )
        if self.env.cr.rowcount:
            self.env.ref("crm_value_addon.ir_cron_points").sudo()._trigger()  # sudo: whoever asked for the refresh

    @api.model
    def _cron_points(self):
        """Bring the points of all companies up to date, and let lapse what is due."""
        for company in self.env["res.company"].search([]):
            model = self.with_company(company).with_context(allowed_company_ids=company.ids)
            while model._follow_batch(company):
                if not self.env["ir.cron"]._commit_progress(1):
                    return
            model._safely(lambda model=model, company=company: model.env["crm.value.points.expiry"]._expire(company))
            self.env["ir.cron"]._commit_progress(1)

    def _follow_batch(self, company):
        """Bring the points of the next customers up to date; return whether there were any."""
        rows = self.env.execute_query(
            SQL(
                """SELECT partner_key, array_agg(id) FROM crm_value_points_due WHERE company_key = %s
                    GROUP BY partner_key ORDER BY partner_key LIMIT %s""",
                company.id,
                _BATCH,
            )
        )
        for partner_id, row_ids in rows:
            self._safely(
                lambda partner_id=partner_id: self.env["crm.value.points"]._follow_customers(company, [partner_id])
            )
            self.env.cr.execute(SQL("DELETE FROM crm_value_points_due WHERE id = ANY(%s)", row_ids))
        return bool(rows)

    def _safely(self, work):
        """Do a piece of work; an error is logged and costs nobody else its points."""
        try:
            with self.env.cr.savepoint():
                work()
        except psycopg2.OperationalError:
            raise
        except Exception:
            _logger.exception("Customer value: points could not be brought up to date")

from datetime import timedelta

from odoo import api, models
from odoo.tools import SQL

from ..listening.crm_value_feedback import OPEN


class CrmValueFollowupComplaint(models.AbstractModel):
    """Selects the customers whose complaint waits for an answer, or got one.

    How to use and how it works: as `crm.value.followup.trigger`, which asks this service for the triggers whose row in
    `triggers.py` names it.
    """

    _name = "crm.value.followup.complaint"
    _inherit = "crm.value.followup.trigger"
    _description = "Follow-ups: Triggers of Complaints"

    @api.model
    def _due_complaint_late(self, rule, company, today, check_only):
        """A complaint whose deadline has passed, and which is still open."""
        late = SQL("TRUE")
        if not check_only:
            late = SQL("complaint.deadline <= %s", today - timedelta(days=rule.days))
        return self._select_complaints(
            company,
            SQL("complaint.state IN %s AND %s", OPEN, late),
            occasion=SQL("'late-' || complaint.id"),
            date=SQL("complaint.deadline"),
            number=SQL("%s::date - complaint.date", today),
        )

    @api.model
    def _due_complaint_solved(self, rule, company, today, check_only):
        """A complaint that was answered some days ago: is the customer content?"""
        return self._select_complaints(
            company,
            SQL(
                "complaint.state = 'done' AND %s",
                self._window(SQL("complaint.closed_date"), today - timedelta(days=rule.days), check_only),
            ),
            occasion=SQL("'solved-' || complaint.id || '-' || complaint.closed_date"),
            date=SQL("complaint.closed_date"),
        )

    @api.model
    def _select_complaints(self, company, where, **columns):
        self.env["crm.value.feedback"].flush_model()
        return self._select(
            company,
            SQL("complaint.company_id = %s AND %s", company.id, where),
            source=SQL(
                """JOIN crm_value_feedback complaint ON complaint.customer_id = value.partner_id
                   JOIN crm_value_feedback_kind kind ON kind.id = complaint.kind_id AND kind.nature = 'complaint'"""
            ),
            detail=SQL("complaint.description"),
            **columns,
        )

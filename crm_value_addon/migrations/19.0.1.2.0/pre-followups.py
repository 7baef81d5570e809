"""Leave the follow-ups of earlier versions out of the comparison of treated customers with the control group.

The daily number of follow-ups limited the treated, the largest first, and not the control group, so the two were never
alike. Their revenue stays on the follow-ups.
"""


def migrate(cr, version):
    """Add the column before Odoo does, which would let all follow-ups count."""
    cr.execute("ALTER TABLE crm_value_followup ADD COLUMN IF NOT EXISTS is_compared boolean")
    cr.execute("UPDATE crm_value_followup SET is_compared = FALSE WHERE is_compared IS NULL")

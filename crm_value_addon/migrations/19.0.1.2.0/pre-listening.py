"""Feedback has a state, a customer and somebody responsible now: what was entered before is noted."""


def migrate(cr, version):
    """Make the columns before Odoo would open a case of each old complaint; run again, it finds nothing to do."""
    cr.execute(
        """SELECT count(*) FROM information_schema.columns
            WHERE table_schema = current_schema AND table_name = 'crm_value_feedback' AND column_name = 'state'"""
    )
    if cr.fetchone()[0]:
        return
    cr.execute(
        """ALTER TABLE crm_value_feedback ADD COLUMN state varchar, ADD COLUMN deadline date,
                  ADD COLUMN closed_date date, ADD COLUMN days_to_answer int4, ADD COLUMN customer_id int4"""
    )
    cr.execute(
        """UPDATE crm_value_feedback feedback SET state = 'noted', days_to_answer = 0,
                  customer_id = partner.commercial_partner_id
             FROM res_partner partner WHERE partner.id = feedback.partner_id"""
    )

"""Say of old follow-ups by which action they reached the customer: a plan, where their rule has one."""


def migrate(cr, version):
    """Odoo gave all of them the default, one activity."""
    cr.execute(
        """UPDATE crm_value_followup followup SET channel = 'plan' FROM crm_value_followup_rule rule
            WHERE rule.id = followup.rule_id AND rule.action_type = 'plan' AND followup.channel = 'activity'"""
    )

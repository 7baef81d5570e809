"""Give open follow-ups the text of their activity, and rules an author whose rights count for their condition."""

import logging

from odoo import SUPERUSER_ID, api
from odoo.addons.crm_value_addon.models.refresh.said import to_data
from odoo.addons.crm_value_addon.models.tiers.conditions import domain_error, try_domain

_logger = logging.getLogger(__name__)


def migrate(cr, version):
    """Switch off the rules whose condition is no list of comparisons with fixed values, and say so on them."""
    cr.execute(
        """UPDATE crm_value_followup followup SET summary = activity.summary, note = activity.note
             FROM mail_activity activity
            WHERE activity.id = followup.activity_id AND followup.state = 'open' AND followup.summary IS NULL"""
    )
    # The run writes rules as the superuser (whose turn it is in a team), so that one is the author of those alone that
    # nobody else ever wrote.
    cr.execute(
        """UPDATE crm_value_followup_rule SET domain_author_id =
                  CASE WHEN write_uid != %s THEN write_uid ELSE COALESCE(create_uid, %s) END
            WHERE domain_author_id IS NULL AND stop_note IS NULL""",
        [SUPERUSER_ID, SUPERUSER_ID],
    )
    env = api.Environment(cr, SUPERUSER_ID, {"active_test": False})
    for rule in env["crm.value.followup.rule"].search([]):
        company = rule.company_id or env.company
        try:
            try_domain(env["crm.value"], rule._condition(company))
        except Exception as error:
            said = getattr(error, "said", None) or domain_error(env, error)
            rule.write({"active": False, "stop_note": to_data(said)})
            _logger.warning("Follow-up rule %s is switched off: %s", rule.name, rule.stop_reason)

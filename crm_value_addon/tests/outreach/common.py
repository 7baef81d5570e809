from odoo import Command

from ..common import TODAY
from ..followups.test_crm_value_followup_trigger import FollowupCase


class OutreachCase(FollowupCase):
    """Customers with an address, a template, and rules that reach them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"value_message_limit": 0, "value_message_quiet": False, "email": "shop@example.com"})
        cls.template = cls.env["mail.template"].create(
            {
                "name": "A message",
                "model_id": cls.env["ir.model"]._get_id("crm.value"),
                "subject": "Hello {{ object.partner_id.name }}",
                "body_html": "<p>Dear <t t-out='object.partner_id.name'/>: <t t-out=\"occasion['detail']\"/></p>",
                "email_from": "{{ object.company_id.email }}",
            }
        )
        cls.kind = cls.env.ref("crm_value_addon.message_kind_offers")

    @classmethod
    def mail_rule(cls, trigger="at_risk", **vals):
        return cls.rule(
            trigger,
            **{"action_type": "mail", "mail_template_id": cls.template.id, "message_kind_id": cls.kind.id, **vals},
        )

    def at_risk(self, name, **vals):
        return self.bought(name, 80, 110, 140, **{"email": f"{name.lower()}@example.com", **vals})

    def mails(self, rule=None):
        """Return the mails in Odoo's queue that follow-ups have made."""
        followups = self.followups(rule) if rule else self.env["crm.value.followup"].search([])
        return self.env["mail.mail"].search([("mail_message_id", "in", followups.message_id.ids)], order="id")

    def gift(self):
        """Return a gift that a rule can give."""
        program = self.env["loyalty.program"].create(
            {
                "name": "A coupon",
                "program_type": "coupons",
                "trigger": "with_code",
                "applies_on": "current",
                "reward_ids": [Command.create({"reward_type": "discount", "discount": 10})],
            }
        )
        return self.env["crm.value.benefit"].create(
            {
                "tier_id": self.low.id,
                "benefit_type": "gift",
                "occasion": "rule",
                "program_id": program.id,
                "gift_points": 1,
            }
        )

    def server_action(self, code, model="res.partner"):
        return self.env["ir.actions.server"].create(
            {
                "name": "Something else",
                "model_id": self.env["ir.model"]._get_id(model),
                "state": "code",
                "code": code,
            }
        )


__all__ = ["TODAY", "OutreachCase"]

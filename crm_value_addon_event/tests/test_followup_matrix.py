from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.addons.crm_value_addon.tests.outreach.common import TODAY
from odoo.addons.crm_value_addon.tests.outreach.matrix import FollowupMatrixCase


@freeze_time(TODAY)
class TestFollowupMatrixEvent(FollowupMatrixCase):
    def make_event(self):
        now = fields.Datetime.to_datetime(TODAY)
        event = self.env["event.event"].create(
            {
                "name": "Tasting",
                "company_id": False,
                "date_begin": now + timedelta(days=9),
                "date_end": now + timedelta(days=10),
            }
        )
        return {"event_id": event.id, "mail_template_id": self.template.id}

    def left_event(self, followup):
        self.left_mail(followup)

    def came(self, days, state):
        """Let the buyer have been registered for an event some days ago."""
        now = fields.Datetime.to_datetime(TODAY)
        event = self.env["event.event"].create(
            {
                "name": "Earlier",
                "company_id": self.company.id,
                "date_begin": now - timedelta(days=days, hours=1),
                "date_end": now - timedelta(days=days),
            }
        )
        self.env["event.registration"].create({"event_id": event.id, "partner_id": self.buyer.id, "state": state})
        return event

    def situation_event_attended(self):
        self.came(1, "done")
        return {"days": 1}

    def situation_event_missed(self):
        event = self.came(1, "open")
        other = self.customer("Other")
        self.env["event.registration"].create({"event_id": event.id, "partner_id": other.id, "state": "done"})
        return {"days": 1}

    def test_every_reason(self):
        self.check_every_reason("event")

    def test_the_reasons_of_events_with_the_other_actions(self):
        self.check_every_reason(
            "activity", "plan", "mail", "gift", "server", "preferred", only=("event_attended", "event_missed")
        )

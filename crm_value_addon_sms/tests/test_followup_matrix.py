from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.outreach.common import TODAY
from odoo.addons.crm_value_addon.tests.outreach.matrix import FollowupMatrixCase


@freeze_time(TODAY)
class TestFollowupMatrixSms(FollowupMatrixCase):
    def make_sms(self):
        self.buyer.phone = "+12015550100"
        template = self.env["sms.template"].create(
            {"name": "Text", "model_id": self.env["ir.model"]._get_id("res.partner"), "body": "Hello {{ object.name }}"}
        )
        return {"sms_template_id": template.id}

    def left_sms(self, followup):
        text = self.env["sms.sms"].search([("partner_id", "=", self.buyer.id)])
        self.assertEqual((followup.state, text.body, text.state), ("done", "Hello Buyer", "outgoing"))

    def test_every_reason(self):
        self.check_every_reason("sms")

from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.outreach.common import TODAY
from odoo.addons.crm_value_addon.tests.outreach.matrix import FollowupMatrixCase


@freeze_time(TODAY)
class TestFollowupMatrixMailingList(FollowupMatrixCase):
    def make_mailing_list(self):
        return {"mailing_list_id": self.env["mailing.list"].create({"name": "Kept by a rule"}).id}

    def left_mailing_list(self, followup):
        places = followup.rule_id.mailing_list_id.contact_ids
        self.assertEqual((followup.state, places.mapped("email")), ("open", ["buyer@example.com"]))

    def test_every_reason(self):
        self.check_every_reason("mailing_list")

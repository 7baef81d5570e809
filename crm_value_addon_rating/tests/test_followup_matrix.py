from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.outreach.common import TODAY
from odoo.addons.crm_value_addon.tests.outreach.matrix import FollowupMatrixCase


@freeze_time(TODAY)
class TestFollowupMatrixRating(FollowupMatrixCase):
    def make_rating(self):
        return {"mail_template_id": self.template.id}

    def left_rating(self, followup):
        self.left_mail(followup)

    def test_every_reason(self):
        self.check_every_reason("rating")

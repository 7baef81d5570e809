from odoo.tests import HttpCase, new_test_user, tagged

from .common import OutreachCase


@tagged("post_install", "-at_install")
class TestMessagePage(OutreachCase, HttpCase):
    """The link below a mail, as a customer and as a mail program follow it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reader = cls.customer("Ann", email="ann@example.com")

    def link(self, partner=None):
        url = self.env["crm.value.message"]._refusal_url(self.company, (partner or self.reader).id, self.kind)
        return url.removeprefix(self.company.get_base_url())

    def test_reading_changes_nothing(self):
        page = self.url_open(self.link())
        self.assertEqual(page.status_code, 200)
        self.assertIn(self.kind.name, page.text)
        self.assertFalse(self.reader.value_refused_kind_ids)

    def test_a_wrong_signature_opens_nothing(self):
        other = self.customer("Bob")
        forged = self.link().replace(f"/{self.reader.id}/", f"/{other.id}/")
        self.assertEqual(self.url_open(forged).status_code, 404)
        self.assertEqual(self.url_open(forged, data={"List-Unsubscribe": "One-Click"}).status_code, 404)
        self.assertFalse(other.value_refused_kind_ids)

    def test_a_mail_program_refuses_by_one_click(self):
        self.assertEqual(self.url_open(self.link(), data={"List-Unsubscribe": "One-Click"}).status_code, 200)
        self.assertEqual(self.reader.value_refused_kind_ids, self.kind)

    def test_a_customer_chooses_and_changes_its_mind(self):
        kinds = self.env["crm.value.message.kind"].search([])
        wanted = kinds - self.kind
        self.url_open(self.link(), data={f"kind_{kind.id}": "on" for kind in wanted})
        self.assertEqual(self.reader.value_refused_kind_ids, self.kind)
        self.url_open(self.link(), data={f"kind_{kind.id}": "on" for kind in kinds})
        self.assertFalse(self.reader.value_refused_kind_ids)

    def test_a_portal_user_sees_its_own(self):
        user = new_test_user(self.env, "portal_reader", "base.group_portal")
        user.partner_id.value_refused_kind_ids = self.kind
        self.authenticate("portal_reader", "portal_reader")
        page = self.url_open("/my/loyalty/messages")
        self.assertEqual(page.status_code, 200)
        self.assertEqual(page.text.count("checked"), len(self.env["crm.value.message.kind"].search([])) - 1)

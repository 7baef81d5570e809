from odoo.exceptions import UserError

from .common_trust import TrustCase


class TestPrivacyLookup(TrustCase):
    """Odoo's Privacy Lookup finds the contact, and what the addon holds goes with it. Runs where it is installed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "privacy.lookup.wizard" not in cls.env:
            cls.skipTest(cls, "privacy_lookup is not installed in this database")

    def look_up(self, name, email):
        wizard = self.env["privacy.lookup.wizard"].create({"name": name, "email": email})
        wizard.action_lookup()
        return wizard

    def test_who_only_asked_is_deleted_with_everything(self):
        prospect = self.customer("Paula Prospect", email="paula@prospect.example", contact_style="driving")
        self.env["crm.lead"].create(
            {"name": "Chance", "type": "opportunity", "partner_id": prospect.id, "company_id": self.company.id}
        )
        self.refresh()
        value = self.value(prospect)
        self.assertTrue(value)
        kind = self.records["crm.value.feedback.kind"]
        feedback = self.env["crm.value.feedback"].create(
            {"partner_id": prospect.id, "company_id": self.company.id, "kind_id": kind.id, "description": "Heard"}
        )
        lock = self.env["crm.value.tier.lock"].create(
            {"value_id": value.id, "tier_id": self.top.id, "reason": "Promised"}
        )
        changes, messages = value.tier_change_ids, value.message_ids
        self.env["crm.value.snapshot"].search([]).unlink()
        self.env["crm.value.snapshot"]._take(self.company, self.today)
        snapshot = value.snapshot_ids
        self.assertTrue(changes and snapshot)
        wizard = self.look_up("Paula Prospect", "paula@prospect.example")
        self.assertIn(("res.partner", prospect.id), [(line.res_model, line.res_id) for line in wizard.line_ids])
        self.assertFalse([line.res_model for line in wizard.line_ids if line.res_model.startswith("crm.value")])
        wizard.line_ids.filtered(lambda line: line.res_model != "res.partner").action_unlink_all()
        wizard.line_ids.filtered(lambda line: line.res_model == "res.partner").action_unlink_all()
        self.env.invalidate_all()
        for record in (prospect, value, feedback, lock, changes, snapshot, messages):
            self.assertFalse(record.exists(), record)

    def test_a_customer_with_invoices_keeps_its_totals_and_no_profile(self):
        wizard = self.look_up("Buyer", "buyer@example.com")
        line = wizard.line_ids.filtered(lambda line: (line.res_model, line.res_id) == ("res.partner", self.buyer.id))
        self.assertTrue(line)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            line.action_unlink()
        self.buyer.action_erase_profile()
        self.buyer.write({"name": "Anonymous", "email": False})
        self.refresh()
        self.assertEqual(self.worth.revenue_total, 4321.09)
        self.assertFalse(self.worth.tier_id or self.worth.lifecycle_stage or self.worth.clv)
        self.assertFalse(
            self.look_up("Buyer", "buyer@example.com").line_ids.filtered(
                lambda line: line.res_id == self.buyer.id and line.res_model == "res.partner"
            )
        )

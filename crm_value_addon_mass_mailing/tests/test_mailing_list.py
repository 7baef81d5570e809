from ast import literal_eval

from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.outreach.common import TODAY, OutreachCase
from odoo.tools import mute_logger


@freeze_time(TODAY)
class TestMailingList(OutreachCase):
    """Lists kept by rules, and the ready filters."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.list = cls.env["mailing.list"].create({"name": "At risk"})

    def list_rule(self, **vals):
        return self.rule(
            "at_risk",
            action_type="mailing_list",
            mailing_list_id=self.list.id,
            message_kind_id=self.kind.id,
            **vals,
        )

    def names(self):
        return set(self.list.subscription_ids.filtered(lambda place: not place.opt_out).contact_id.mapped("name"))

    def test_a_place_until_the_reason_is_gone(self):
        leaves, stays = self.at_risk("Leaves"), self.at_risk("Stays")
        self.at_risk("Nowhere", email=False)
        by_hand = self.env["mailing.contact"].create({"name": "By hand", "email": "hand@example.com"})
        self.list.contact_ids = by_hand
        self.refresh()
        rule = self.list_rule()
        self.run_rules()
        self.run_rules()
        self.assertEqual(self.names(), {"Leaves", "Stays", "By hand"})
        self.assertEqual(set(self.followups(rule).mapped("state")), {"open"})
        self.assertFalse(self.followups(rule).filtered("deadline"), "nobody has to do anything")
        self.invoice(leaves, TODAY)
        self.refresh(leaves + stays)
        self.run_rules()
        self.assertEqual(self.names(), {"Stays", "By hand"})

    def test_who_left_the_list_stays_out(self):
        customer = self.at_risk("Left")
        self.refresh()
        rule = self.list_rule(cooldown_days=0)
        self.run_rules()
        self.list.subscription_ids.opt_out = True
        self.invoice(customer, TODAY)
        self.refresh(customer)
        self.run_rules()
        self.assertEqual(self.followups(rule).state, "closed")
        self.assertEqual(self.list.subscription_ids.mapped("opt_out"), [True])

    def test_two_customers_with_one_address_have_one_place(self):
        self.at_risk("One", email="same@example.com")
        self.at_risk("Two", email="same@example.com")
        self.refresh()
        self.list_rule()
        self.run_rules()
        self.assertEqual(len(self.list.subscription_ids), 1)

    def test_a_list_that_was_deleted_stops_the_rule(self):
        self.at_risk("Ann")
        self.refresh()
        rule = self.list_rule()
        self.list.unlink()
        with mute_logger("odoo.addons.crm_value_addon.models.followups.crm_value_followup_run"):
            self.run_rules()
        self.assertIn("a mailing list", rule.stop_reason)
        self.assertFalse(self.followups(rule))

    def test_a_filter_finds_the_customers_of_its_company_alone(self):
        customer = self.at_risk("Here")
        self.refresh()
        other = self.env["res.company"].create({"name": "Elsewhere"})
        self.env["crm.value"].sudo().create(
            {"partner_id": self.customer("There").id, "company_id": other.id, "lifecycle_stage": "at_risk"}
        )
        at_risk = self.env["mailing.filter"].search([("name", "=", f"Customers at risk · {self.company.name}")])
        if not at_risk:  # the company was there before the addon
            self.env["mailing.filter"]._value_make_ready(self.company)
            at_risk = self.env["mailing.filter"].search([("name", "=", f"Customers at risk · {self.company.name}")])
        domain = literal_eval(at_risk[:1].mailing_domain)
        # as Odoo's cron, in another company
        Partner = self.env["res.partner"].with_company(other).with_context(allowed_company_ids=other.ids)
        self.assertEqual(Partner.search(domain), customer)
        customer.value_opt_out = True
        self.assertFalse(Partner.search(domain))
        ready = self.env["mailing.filter"].search([("name", "like", f"· {other.name}")])
        self.assertIn(f"Segment: Champions · {other.name}", ready.mapped("name"))
        for one in ready:
            self.env["res.partner"].search(literal_eval(one.mailing_domain))

import contextlib
from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.addons.base.tests.test_ir_cron import CronMixinCase

from ..common import TODAY, ValueCase


class TierCase(ValueCase):
    """Three tiers of the test company, by the revenue of 12 months: Low from 100, Mid from 1000, Top from 5000."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.value.tier"].search([]).active = False
        cls.low = cls.tier("Low", 100, 100)
        cls.mid = cls.tier("Mid", 1000, 800)
        cls.top = cls.tier("Top", 5000, 4000)

    @classmethod
    def tier(cls, name, enter, keep, metric="revenue_12m", **vals):
        return cls.env["crm.value.tier"].create(
            {
                "name": name,
                "company_id": cls.company.id,
                "criterion_ids": [Command.create({"metric": metric, "enter_min": enter, "keep_min": keep})],
                **vals,
            }
        )

    def tier_changes(self, customer):
        changes = self.env["crm.value.tier.change"].search([("value_id", "=", self.value(customer).id)], order="id")
        return [(change.from_tier_id.name, change.to_tier_id.name, change.source) for change in changes]

    def bought(self, amount, day="2025-06-01", name="Customer"):
        """Return a customer that bought once, and was refreshed with the whole company."""
        customer = self.customer(name)
        self.last_invoice = self.invoice(customer, day, amount)
        self.refresh()
        return customer


@freeze_time(TODAY)
class TestCrmValueTierAssignment(TierCase, CronMixinCase):
    def run_cron(self, name):
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref(f"crm_value_addon.{name}").with_user(self.env.ref("base.user_root")).method_direct_trigger()
        self.env.invalidate_all()

    def test_highest_tier_that_is_entered(self):
        customers = {amount: self.bought(amount, name=str(amount)) for amount in (99, 100, 999.99, 1000, 7000)}
        names = {amount: self.value(customer).tier_id.name for amount, customer in customers.items()}
        self.assertEqual(names, {99: False, 100: "Low", 999.99: "Low", 1000: "Mid", 7000: "Top"})
        self.assertEqual(self.value(customers[99]).next_tier_id, self.low)
        self.assertEqual(self.value(customers[1000]).next_tier_id, self.top)
        self.assertFalse(self.value(customers[7000]).next_tier_id)
        self.assertEqual(self.value(customers[1000]).tier_since, TODAY)

    def test_first_assignment_is_silent_and_later_changes_are_not(self):
        customer = self.bought(150)
        self.assertEqual(self.tier_changes(customer), [(False, "Low", "initial")])
        self.assertFalse(self.value(customer).message_ids)
        self.invoice(customer, "2025-06-25", 2000)
        self.refresh(customer)
        self.assertEqual(self.tier_changes(customer)[1:], [("Low", "Mid", "refresh")])
        self.assertEqual(len(self.value(customer).message_ids), 1)
        self.assertIn("Low → Mid", self.value(customer).message_ids.body)
        newcomer = self.customer("Newcomer")
        self.invoice(newcomer, "2025-06-25", 2000)
        self.refresh(newcomer)
        self.assertEqual(self.tier_changes(newcomer), [(False, "Mid", "refresh")], "the company was assigned long ago")

    def test_second_assignment_writes_nothing(self):
        self.bought(150)
        self.bought(6000, name="Big")
        before, changes = self.row_versions(), self.env["crm.value.tier.change"].search_count([])
        self.refresh()
        self.Assignment._assign_company()
        self.assertEqual(before, self.row_versions())
        self.assertEqual(changes, self.env["crm.value.tier.change"].search_count([]))

    def test_kept_between_keep_and_enter(self):
        customer = self.bought(1000)
        self.credit_note(self.last_invoice, "2025-06-10", 150)
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_id, self.mid, "850 would not enter, but keeps")
        self.assertFalse(self.value(customer).tier_review_date)

    def test_refund_costs_the_tier_at_once(self):
        customer = self.bought(1000)
        self.credit_note(self.last_invoice, "2025-06-10", 250)
        self.refresh(customer)
        self.assertEqual(self.tier_changes(customer)[1:], [("Mid", "Low", "refresh")])
        self.assertIn("750", self.value(customer).message_ids.body)

    def test_never_below_what_keep_min_grants(self):
        customer = self.bought(6000)
        self.credit_note(self.last_invoice, "2025-06-10", 5150)
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_id, self.mid, "850 keeps Mid though it would not enter it")

    def test_grace_and_cure(self):
        self.mid.write({"downgrade_policy": "grace", "grace_days": 10})
        customer = self.bought(1000)
        self.credit_note(self.last_invoice, "2025-06-10", 500)
        self.refresh(customer)
        self.assertRecordValues(self.value(customer), [{"tier_id": self.mid.id, "tier_review_date": date(2025, 7, 10)}])
        with freeze_time("2025-07-09"):
            self.refresh()
            self.assertEqual(self.value(customer).tier_review_date, date(2025, 7, 10), "the announced date stands")
            self.invoice(customer, "2025-07-09", 400)
            self.refresh(customer)
            self.assertRecordValues(self.value(customer), [{"tier_id": self.mid.id, "tier_review_date": False}])
            self.assertEqual(len(self.tier_changes(customer)), 1)

    def test_grace_over(self):
        self.mid.write({"downgrade_policy": "grace", "grace_days": 10})
        customer = self.bought(1000)
        self.credit_note(self.last_invoice, "2025-06-10", 500)
        self.refresh(customer)
        with freeze_time("2025-07-10"):
            self.refresh()
        self.assertRecordValues(
            self.value(customer), [{"tier_id": self.low.id, "tier_review_date": False, "tier_since": date(2025, 7, 10)}]
        )
        self.assertEqual(self.tier_changes(customer)[1:], [("Mid", "Low", "refresh")])

    def test_year_end(self):
        self.mid.downgrade_policy = "year_end"
        customer = self.bought(1000)
        self.credit_note(self.last_invoice, "2025-06-10", 500)
        self.refresh(customer)
        self.assertEqual(self.value(customer).tier_review_date, date(2025, 12, 31))
        with freeze_time("2025-12-31"):
            self.refresh()
            self.assertEqual(self.value(customer).tier_id, self.mid)
        with freeze_time("2026-01-01"):
            self.refresh()
            self.assertEqual(self.value(customer).tier_id, self.low)

    def test_never_lost(self):
        self.mid.downgrade_policy = "never"
        customer = self.bought(1000)
        self.credit_note(self.last_invoice, "2025-06-10", 1000)
        with freeze_time("2030-01-01"):
            self.refresh()
        self.assertRecordValues(self.value(customer), [{"tier_id": self.mid.id, "tier_review_date": False}])

    def test_tier_falls_with_the_calendar_alone(self):
        customer = self.bought(1000, day="2025-01-10")
        with freeze_time("2026-01-10"):
            self.refresh()
        self.assertFalse(self.value(customer).tier_id, "the purchase is 12 months old")

    def test_all_and_any(self):
        self.mid.criterion_ids = [Command.create({"metric": "purchase_count", "enter_min": 2})]
        one, two, small = (self.customer(name) for name in ("One", "Two", "Small"))
        self.invoice(one, "2025-06-01", 2000)
        for customer, amount in ((two, 1000), (small, 60)):
            self.invoice(customer, "2025-06-01", amount)
            self.invoice(customer, "2025-06-02", amount)
        self.refresh()
        self.assertEqual([self.value(c).tier_id for c in (one, two, small)], [self.low, self.mid, self.low])
        self.mid.criterion_match = "any"
        self.Assignment._assign_company()
        self.assertEqual([self.value(c).tier_id for c in (one, two, small)], [self.mid, self.mid, self.mid])

    def test_tenure(self):
        self.low.criterion_ids.write({"metric": "tenure_days", "enter_min": 30, "keep_min": 30})
        customer = self.bought(10, day="2025-06-01")
        self.assertFalse(self.value(customer).tier_id)
        with freeze_time(TODAY + timedelta(days=1)):
            self.refresh()
        self.assertEqual(self.value(customer).tier_id, self.low)

    def test_domain(self):
        tag = self.env["res.partner.category"].create({"name": "Club"})
        self.top.partner_domain = f"[('category_id', '=', {tag.id})]"
        member, other = self.customer("Member", category_id=[Command.link(tag.id)]), self.customer("Other")
        for customer in (member, other):
            self.invoice(customer, "2025-06-01", 6000)
        self.refresh()
        self.assertEqual(self.value(member).tier_id, self.top)
        self.assertRecordValues(self.value(other), [{"tier_id": self.mid.id, "next_tier_id": False}])
        member.active = False
        member.category_id = False
        self.refresh()
        self.assertEqual(self.value(member).tier_id, self.mid)

    def test_tier_without_criteria_is_given_manually(self):
        self.env["crm.value.tier"].create({"name": "Friends", "company_id": self.company.id})
        self.assertEqual(self.value(self.bought(9000)).tier_id, self.top)

    def test_archived_tier(self):
        customer = self.bought(6000)
        self.top.active = False
        self.run_cron("ir_cron_refresh_stale")
        self.assertEqual(self.tier_changes(customer)[1:], [("Top", "Mid", "rules")])
        self.assertFalse(self.value(customer).message_ids)

    def test_saved_rules_apply_to_everybody(self):
        customer = self.bought(1500)
        self.mid.criterion_ids.write({"enter_min": 2000, "keep_min": 2000})
        run = self.env["crm.value.run"].search([("company_id", "=", self.company.id), ("kind", "=", "tiers")])
        self.assertEqual(run.mapped("state"), ["queued"])
        self.run_cron("ir_cron_refresh_stale")
        self.assertEqual(run.state, "done")
        self.assertEqual(self.tier_changes(customer)[1:], [("Mid", "Low", "rules")])
        self.assertFalse(self.value(customer).message_ids)

    def test_figures_refreshed_while_rules_wait_are_changes_by_the_rules(self):
        customer = self.bought(1500)
        self.mid.criterion_ids.write({"enter_min": 2000, "keep_min": 2000})
        self.refresh(customer)
        self.assertEqual(self.tier_changes(customer)[1:], [("Mid", "Low", "rules")])

    def test_pass_in_batches_goes_on_where_it_was_interrupted(self):
        customers = [self.bought(1500, name=str(number)) for number in range(5)]
        self.mid.criterion_ids.write({"enter_min": 2000, "keep_min": 2000})
        calls = []

        def transaction(work):
            calls.append(work)
            if len(calls) == 3:
                raise RuntimeError("killed")
            return work()

        with patch("odoo.addons.crm_value_addon.models.tiers.crm_value_tier_assignment.ASSIGN_BATCH", 2):
            # not assertRaises: it would roll the first batch back
            with contextlib.suppress(RuntimeError):
                self.Assignment._assign_company(transaction)
            self.assertEqual([self.value(c).tier_id for c in customers], [self.low] * 2 + [self.mid] * 3)
            run = self.Assignment._assign_company()
        self.assertEqual([self.value(c).tier_id for c in customers], [self.low] * 5)
        self.assertEqual((run.processed, run.written), (run.total, 5))

    def test_many_customers_side_by_side_are_decided_as_a_span(self):
        before, between, after = (self.bought(1500, name=str(number)) for number in range(3))
        self.env.cr.execute(
            "UPDATE crm_value SET tier_id = NULL WHERE partner_id = ANY(%s)", [[before.id, between.id, after.id]]
        )
        self.env.invalidate_all()
        self.refresh(before + after)
        self.assertEqual([self.value(c).tier_id.name for c in (before, between, after)], ["Mid", False, "Mid"])
        with patch("odoo.addons.crm_value_addon.models.tiers.crm_value_tier_assignment._DENSE_MIN", 2):
            self.refresh(before + after)
        self.assertEqual(self.value(between).tier_id, self.mid, "decided by the figures it has")

    def test_companies_have_their_own_tiers(self):
        other = self.setup_other_company(name="Other")["company"]
        shared = self.env["crm.value.tier"].create(
            {
                "name": "Shared",
                "sequence": 1,
                "criterion_ids": [Command.create({"metric": "revenue_12m", "enter_min": 10})],
            }
        )
        customer = self.bought(6000)
        move = (
            self.env["account.move"]
            .with_company(other)
            .create(
                {
                    "move_type": "out_invoice",
                    "partner_id": customer.id,
                    "invoice_date": "2025-06-01",
                    "company_id": other.id,
                    "invoice_line_ids": [
                        Command.create({"name": "x", "price_unit": 6000, "tax_ids": [Command.clear()]})
                    ],
                }
            )
        )
        move.action_post()
        self.env["crm.value.refresh"].with_company(other)._refresh_company()
        self.assertEqual(customer.with_company(self.company).value_tier_id, self.top)
        self.assertEqual(customer.with_company(other).value_tier_id, shared)

    def test_creation_of_a_tier_change_can_be_automated(self):
        if "base.automation" not in self.env:
            self.skipTest("base_automation is not installed")
        model = self.env["ir.model"]._get("crm.value.tier.change")
        self.env["base.automation"].create(
            {
                "name": "Tier changed",
                "model_id": model.id,
                "trigger": "on_create",
                "action_server_ids": [
                    Command.create(
                        {
                            "name": "Tell",
                            "model_id": model.id,
                            "state": "code",
                            "code": "record.value_id.partner_id.write({'comment': record.to_tier_id.name})",
                        }
                    )
                ],
            }
        )
        customer = self.bought(150)
        self.assertFalse(customer.comment, "nobody earned the first assignment")
        self.invoice(customer, "2025-06-25", 2000)
        self.refresh(customer)
        self.assertIn("Mid", customer.comment)

    def test_figures_that_caused_a_change(self):
        Change = type(self.env["crm.value.tier.change"])
        customer = self.bought(150)
        with patch.object(Change, "create", autospec=True, side_effect=Change.create) as create:
            self.invoice(customer, "2025-06-25", 2000)
            self.refresh(customer)
            created = [vals for call in create.call_args_list for vals in call.args[1]]
        self.assertEqual([(vals["source"], vals["figures"]) for vals in created], [("refresh", {"revenue_12m": 2150})])

    def test_listeners_get_the_changes_that_are_not_silent(self):
        with contextlib.ExitStack() as stack:
            heard = [
                stack.enter_context(patch.object(type(self.env[name]), "_on_tier_changes", autospec=True))
                for name in self.env["crm.value.tier.change"]._listeners()
            ]
            customer = self.bought(150)
            for listener in heard:
                listener.assert_not_called()
            self.invoice(customer, "2025-06-25", 2000)
            self.refresh(customer)
        for listener in heard:
            [call] = listener.call_args_list
            self.assertEqual(call.args[1].to_tier_id, self.mid)

    def test_contacts_filter_and_group_by_tier(self):
        customer = self.bought(6000, name="Big")
        child = self.customer("Child", parent_id=customer.id)
        Partner = self.env["res.partner"].with_company(self.company)
        self.assertEqual(Partner.search([("value_tier_id", "=", self.top.id)]), customer | child)
        self.assertEqual(Partner.search([("value_tier_id", "=", "Top")]), customer | child)
        groups = dict(Partner._read_group([], ["value_tier_id"], ["__count"]))
        self.assertEqual(groups[self.top], 2)

import json
import logging
from datetime import timedelta
from unittest.mock import patch

from dateutil.relativedelta import relativedelta

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from ...models.privacy.crm_value_privacy import QUEUES
from ..common import view_text
from .common_trust import TrustCase

_MODULE = "crm_value_addon"


#: stored fields that refer to a customer or a tier: erased with a profile, kept (docs/privacy.md), no customer's
ERASED = {
    "crm.lead.referred_by_id",
    "crm.value.caution.override.value_id",
    "crm.value.dismissal.partner_id",
    "crm.value.feedback.customer_id",
    "crm.value.feedback.partner_id",
    "crm.value.followup.value_id",
    "crm.value.grant.tier_id",
    "crm.value.departure.partner_id",
    "crm.value.mail.tier_id",
    "crm.value.mail.value_id",
    "crm.value.next_tier_id",
    "crm.value.product.partner_id",
    "crm.value.product.value_id",
    "crm.value.opening.standing.partner_id",
    "crm.value.opening.standing.tier_id",
    "crm.value.snapshot.tier_id",
    "crm.value.suggestion.partner_id",
    "crm.value.suggestion.value_id",
    "crm.value.tier.change.from_tier_id",
    "crm.value.tier.change.to_tier_id",
    "crm.value.tier.change.value_id",
    "crm.value.tier.lock.tier_id",
    "crm.value.tier.lock.value_id",
    "crm.value.tier_id",
    "loyalty.history.value_tier_id",
    "res.partner.referred_by_id",
}
STAYS = {
    "crm.value.grant.referred_value_id",
    "crm.value.grant.value_id",
    "crm.value.opening.partner_id",
    "crm.value.partner_id",
    "crm.value.rebate.settlement.partner_id",
    "crm.value.snapshot.value_id",
    "sale.order.value_tier_id",
}
CONFIGURATION = {
    "crm.value.benefit.tier_id",
    "crm.value.followup.rule.tier_id",
    "crm.value.rebate.tier_id",
    "crm.value.target.tier_id",
    "crm.value.tier.asked.tier_id",
    "crm.value.tier.criterion.tier_id",
    "crm.value.tier.plan.criterion.tier_id",
    "crm.value.tier.plan.line.tier_id",
}


class PrivacyCase(TrustCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.boss = cls.users["manager"]
        cls.boss.group_ids = [Command.link(cls.env.ref("base.group_partner_manager").id)]
        cls.here = cls.env(user=cls.boss, context={"allowed_company_ids": cls.company.ids})
        cls.other = cls.customer("Other Buyer")
        cls.invoice(cls.other, cls.today, 300)
        cls.refresh()
        cls.kept = set(cls.Value._fields_with("opt_out", "kept"))

    def row(self, names):
        self.env.invalidate_all()
        return self.worth.read(sorted(names), load=None)[0]

    def predicted(self):
        """Return what is concluded about the customer, of the stored columns."""
        row = self.row(
            (set(self.Value._refreshed_fields()) - self.kept) | {"tier_id", "next_tier_id", "tier_review_date"}
        )
        return {name: value for name, value in row.items() if value and name != "id"}


class TestOptOut(PrivacyCase):
    def test_totals_stay_and_conclusions_go(self):
        observed = self.row(self.kept)
        self.assertGreater(len(self.predicted()), 10)
        self.buyer.with_env(self.here).value_opt_out = True
        self.assertEqual(self.predicted(), {})
        self.assertEqual(self.row(self.kept), observed)
        self.assertEqual(self.worth.revenue_total, 4321.09)
        self.assertFalse(self.buyer.value_tier_id or self.buyer.lifecycle_stage or self.buyer.churn_risk)
        self.assertEqual(self.worth.tier_change_ids.sorted("id")[-1].source, "opt_out")
        self.assertTrue(self.value(self.other).lifecycle_stage, "the others are evaluated")

    def test_it_holds_in_every_refresh_and_back(self):
        before = self.predicted()
        self.buyer.value_opt_out = True
        names = [*self.Value._refreshed_fields(), "tier_id", "next_tier_id"]
        alone = self.row(names)
        self.refresh()
        self.assertEqual(self.row(names), alone, "all customers or this one alone")
        versions = self.row_versions()
        self.refresh()
        self.refresh(self.buyer)
        self.assertEqual(self.row_versions(), versions, "twice is once")
        self.Assignment._assign_company()
        self.assertEqual(self.row_versions(), versions, "a tier by hand gives none, either")
        self.buyer.value_opt_out = False
        self.refresh()
        self.assertEqual(self.predicted(), before)

    def test_it_places_nobody(self):
        """The ranks of the others are as if the customer were not there."""
        self.buyer.value_opt_out = True
        run = self.refresh()
        self.assertEqual(len(run.boundaries["clv"]), 1)

    def test_follow_ups_end(self):
        followup = self.records["crm.value.followup"]
        activity = self.buyer.activity_schedule(
            "mail.mail_activity_data_todo", user_id=self.users["own"].id, value_followup_id=followup.id
        )
        followup.activity_id = activity
        rule = self.env["crm.value.followup.rule"].create(
            {
                "name": "Always",
                "trigger": "first_purchase",
                "company_id": self.company.id,
                "days": 40,
                "user_id": self.users["own"].id,
            }
        )
        due = self.env["crm.value.followup.due"]
        self.assertIn(self.worth.id, [row.value_id for row in due._find(rule, self.company)])
        self.buyer.with_env(self.here).value_opt_out = True
        self.assertEqual((followup.state, activity.active), ("closed", False))
        self.assertIn("opted out of scoring", followup.close_reason)
        self.assertNotIn(self.worth.id, [row.value_id for row in due._find(rule, self.company)])
        rule.with_env(self.here).action_run()
        self.assertFalse(
            self.env["crm.value.followup"].search([("rule_id", "=", rule.id), ("value_id", "=", self.worth.id)])
        )

    def test_a_person_of_a_company(self):
        """Who objects for himself is not congratulated; the figures of his employer are not his."""
        person = self.customer("Person", parent_id=self.buyer.id, birthdate_date=self.today - relativedelta(years=30))
        self.buyer.is_company = True
        rule = self.env["crm.value.followup.rule"].create(
            {
                "name": "Birthday",
                "trigger": "birthday",
                "company_id": self.company.id,
                "days": 0,
                "user_id": self.users["own"].id,
            }
        )
        due = self.env["crm.value.followup.due"]
        self.assertEqual([row.detail for row in due._find(rule, self.company)], ["Person"])
        person.value_opt_out = True
        self.assertFalse(due._find(rule, self.company))
        self.assertTrue(self.worth.tier_id and self.worth.lifecycle_stage)

    def test_what_is_told(self):
        self.buyer.value_opt_out = True
        self.assertIn(
            "opted out of scoring",
            view_text(self.env["res.partner"], view=self.env.ref("base.view_partner_form")),
        )
        explained = self.worth.with_env(self.here).explain_value()
        self.assertEqual(sum(part["amount"] for part in explained["parts"]), 0)
        self.assertIn("The customer opted out of scoring", str(explained))
        self.assertNotIn("progress", str(self.worth.tier_explanation or "").lower())
        order = self.order(self.buyer)
        self.assertFalse(order.value_tier_id)
        self.assertNotIn("Top", str(order.value_summary))
        self.assertFalse(self.env["crm.value.order.summary"]._tier_preview(order, self.worth))
        found = self.here["res.partner"].search(
            [("value_opt_out", "=", True), ("id", "in", (self.buyer + self.other).ids)]
        )
        self.assertEqual(found, self.buyer.with_env(self.here))

    def test_simulation_gives_no_tier_either(self):
        self.buyer.value_opt_out = True
        simulation = self.env["crm.value.tier.simulation"].create({})
        simulation.action_preview()
        moves = self.env["crm.value.tier.simulation.move"].search([("simulation_id", "=", simulation.id)])
        self.assertNotIn(self.worth, moves.value_id)

    def test_snapshot(self):
        self.buyer.value_opt_out = True
        self.env["crm.value.snapshot"].search([]).unlink()
        self.env["crm.value.snapshot"]._take(self.company, self.today)
        taken = self.env["crm.value.snapshot"].search([("value_id", "=", self.worth.id)])
        self.assertFalse(taken.clv or taken.tier_id or taken.lifecycle_stage or taken.probability_alive)
        self.assertEqual(taken.revenue_12m, 4321.09)


class TestEraseProfile(PrivacyCase):
    def test_nothing_is_left_but_the_books(self):
        buyer, worth = self.buyer.with_env(self.here), self.worth
        self.buyer.write(
            {
                "contact_style": "driving",
                "relationship_stage": "early",
                "birthdate_date": "1980-01-01",
                "referred_by_id": self.other.id,
            }
        )
        worth._message_log(body="Gossip")
        self.sale.value_pause_reason = "Overdue"
        observed = self.row(self.kept)
        action = buyer.action_erase_profile()
        self.assertEqual(action["tag"], "display_notification")
        self.assertEqual((self.predicted(), self.row(self.kept)), ({}, observed))
        for model in (
            "crm.value.tier.change",
            "crm.value.tier.lock",
            "crm.value.caution.override",
            "crm.value.followup",
        ):
            self.assertFalse(
                self.env[model].with_context(active_test=False).search([("value_id", "=", worth.id)]), model
            )
        self.assertFalse(self.env["crm.value.feedback"].search([("partner_id", "=", self.buyer.id)]))
        self.assertFalse(self.env["mail.message"].search([("model", "=", "crm.value"), ("res_id", "=", worth.id)]))
        self.assertFalse(
            self.buyer.contact_style
            or self.buyer.relationship_stage
            or self.buyer.birthdate_date
            or self.buyer.referred_by_id
            or self.sale.value_pause_reason
        )
        self.assertFalse(any(taken.clv or taken.tier_id or taken.lifecycle_stage for taken in worth.snapshot_ids))
        self.assertEqual(worth.snapshot_ids.revenue_12m, 4321.09)
        self.assertFalse(worth.tier_since or worth.lifecycle_since or worth.caution_reason)
        self.assertTrue(self.env["crm.value.feedback.kind"].search([]))
        self.assertTrue(self.value(self.other).lifecycle_stage, "nobody else is touched")

    def test_erased_at_once_while_a_refresh_is_under_way(self):
        """Nothing waits for the refresh that holds the company, and nothing is logged by the next one."""
        with patch.object(type(self.env["crm.value.scheduler"]), "_is_writer", lambda *args, **kwargs: False):
            self.buyer.with_env(self.here).action_erase_profile()
        self.assertEqual(self.predicted(), {})
        self.Refresh._refresh_queue(lambda work: work())
        self.assertEqual(self.predicted(), {})
        self.assertFalse(self.worth.tier_change_ids)

    def test_the_logs_of_mails_points_and_leads(self):
        self.env["crm.value.mail"].create(
            {"value_id": self.worth.id, "kind": "reached", "tier_id": self.top.id, "occasion": "tier"}
        )
        card = self.env["loyalty.card"].create({"program_id": self.program("loyalty").id, "partner_id": self.buyer.id})
        line = self.env["loyalty.history"].create(
            {
                "card_id": card.id,
                "issued": 20,
                "description": "S1",
                "order_model": "sale.order",
                "order_id": self.sale.id,
            }
        )
        line._note_tier(self.top, 2)
        self.assertIn("Top", line.description)
        self.lead.referred_by_id = self.other
        self.buyer.with_env(self.here).action_erase_profile()
        self.assertFalse(self.env["crm.value.mail"].search([("value_id", "=", self.worth.id)]))
        self.assertFalse(line.value_tier_id or "Top" in line.description or self.lead.referred_by_id)
        self.assertEqual(line.issued, 20, "the points are the customer's")

    def test_every_field_about_a_customer_is_erased_or_named(self):
        """What refers to a customer or a tier is erased, or docs/privacy.md says that it stays."""
        found = set()
        for name, model in self.env.registry.items():
            if model._abstract or model._transient or not model._auto:
                continue
            for field in model._fields.values():
                is_ours = model._original_module == _MODULE or field._modules == (_MODULE,)
                if (
                    is_ours
                    and field.store
                    and field.type == "many2one"
                    and field.comodel_name in ("crm.value", "crm.value.tier", "res.partner")
                ):
                    found.add(f"{name}.{field.name}")
        self.assertEqual(found, ERASED | STAYS | CONFIGURATION)

    def test_a_gift_is_remembered_without_its_occasion(self):
        gift = self.records["crm.value.grant"]
        self.buyer.with_env(self.here).action_erase_profile()
        self.assertTrue(gift.exists())
        self.assertEqual((gift.occasion, gift.tier_id), (f"erased-{gift.id}", self.env["crm.value.tier"]))
        self.buyer.value_opt_out = False
        self.refresh()
        gifts = self.env["crm.value.grant"].search([("value_id", "=", self.worth.id)])
        self.assertLessEqual(len(gifts), 2)

    def test_who_may(self):
        for role in ("portal", "employee", "own", "all", "invoicing"):
            for method in ("action_erase_profile", "action_export_value_data"):
                with self.subTest(role=role, method=method), self.assertRaises(AccessError):
                    getattr(self.buyer.with_user(self.users[role]), method)()
        self.assertTrue(self.predicted())

    def test_an_anonymised_contact(self):
        """The name goes with Odoo's own means; the totals stay, and no profile comes back with the next invoice."""
        self.buyer.with_env(self.here).action_erase_profile()
        self.buyer.write({"name": "Anonymous", "email": False})
        self.invoice(self.buyer, self.today, 500)
        self.refresh()
        self.assertEqual(self.worth.revenue_total, 4821.09)
        self.assertEqual(self.predicted(), {})


class TestPrivacyExport(PrivacyCase):
    def export(self, env):
        return env["crm.value.privacy"]._privacy_export(self.buyer.with_env(env))

    def test_every_record_about_the_customer_is_exported(self):
        self.worth._message_log(body="Logged words")
        self.buyer.activity_schedule(
            "mail.mail_activity_data_todo",
            user_id=self.boss.id,
            summary="Asked words",
            value_followup_id=self.records["crm.value.followup"].id,
        )
        data = self.export(self.here)
        text = json.dumps(data, default=str)
        for word in (
            "Promised",
            "Said so",
            "Heard",
            "Buyer",
            "4321.09",
            "1234.57",
            "A reason",
            "Top",
            "Logged words",
            "Asked words",
            self.company.name,
        ):
            self.assertIn(word, text)
        self.assertIn("Revenue 12 Months", data["records"]["Customer Value"][0])
        self.assertIn("All posted documents, untaxed", data["definitions"]["Customer Value: Revenue"])
        self.assertNotIn("Other Buyer", text)

    def test_every_model_that_refers_to_a_customer_is_asked(self):
        domains = self.here["crm.value.privacy"]._domains(self.buyer, self.buyer)
        for name, model in self.env.registry.items():
            if model._original_module == _MODULE and not model._transient and not model._abstract:
                refers = {"partner_id", "value_id", "partner_key", "move_id"} & {
                    field for field, of in model._fields.items() if of.store
                }
                # the queue holds whom to compute next: gone within a minute
                self.assertEqual(bool(refers) and name not in QUEUES, name in domains, name)

    def test_only_what_the_user_may_see(self):
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        stranger = new_test_user(
            self.env,
            "elsewhere",
            "sales_team.group_sale_manager",
            company_id=elsewhere.id,
            company_ids=[Command.set(elsewhere.ids)],
        )
        there = self.env(user=stranger, context={"allowed_company_ids": elsewhere.ids})
        data = self.export(there)
        self.assertNotIn("4321.09", json.dumps(data, default=str))
        self.assertNotIn("Customer Value", data["records"])
        self.env.ref("sales_team.group_sale_salesman_all_leads").implied_ids -= self.env.ref(
            "crm_value_addon.group_value_margin"
        )
        text = json.dumps(self.export(self.here), default=str)
        self.assertNotIn("1234.57", text)
        self.assertIn("4321.09", text)


@tagged("post_install", "-at_install")
class TestSubjectDownload(PrivacyCase, HttpCase):
    @mute_logger("odoo.http")
    def test_download(self):
        for user in (self.boss, self.users["own"], self.users["portal"]):
            user.password = f"{user.login}_{user.login}"
        url = self.buyer.with_env(self.here).action_export_value_data()["url"]
        self.authenticate(self.boss.login, self.boss.password or f"{self.boss.login}_{self.boss.login}")
        answer = self.url_open(url)
        self.assertEqual(answer.status_code, 200)
        self.assertIn("attachment", answer.headers["Content-Disposition"])
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertEqual(answer.json()["customer"], "Buyer")
        for role in ("own", "portal"):
            login = self.users[role].login
            self.authenticate(login, f"{login}_{login}")
            self.assertEqual(self.url_open(url).status_code, 403, role)


class TestRetention(PrivacyCase):
    def test_logs(self):
        self.refresh(self.buyer)
        self.refresh()
        Change, Run = self.env["crm.value.tier.change"], self.env["crm.value.run"]
        changes = Change.search([("value_id", "=", self.worth.id)])
        old, recent = changes[0], changes[1]
        self.company.value_log_months, self.company.value_run_months = 12, 1
        self.env.cr.execute(
            "UPDATE crm_value_tier_change SET date = %s WHERE id = %s", [self.today - relativedelta(months=13), old.id]
        )
        followup = self.records["crm.value.followup"]
        done = followup.copy(
            {
                "occasion": "long ago",
                "state": "done",
                "is_measured": True,
                "date": self.today - relativedelta(months=13),
            }
        )
        followup.date = self.today - relativedelta(months=13)
        runs = Run.search([("company_id", "=", self.company.id), ("kind", "=", "full"), ("state", "=", "done")])
        self.assertGreater(len(runs), 1)
        runs.finished_at = self.today - relativedelta(months=2)
        self.env.flush_all()
        boundaries = Run._last_boundaries(self.company)
        for model, method in (
            (Change, "_gc_changes"),
            (Run, "_gc_runs"),
            (self.env["crm.value.followup"], "_gc_followups"),
        ):
            self.assertEqual(getattr(model, method)()[1], 0, "nothing is left to do")
        self.assertFalse(old.exists() or done.exists())
        self.assertTrue(recent.exists() and followup.exists(), "what is open stays")
        self.assertEqual(len(runs.exists()), 1, "the next refresh goes by the last one")
        self.assertEqual(Run._last_boundaries(self.company), boundaries)

    def test_for_ever(self):
        self.company.write({"value_log_months": 0, "value_run_months": 0, "value_snapshot_months": 0})
        self.env.cr.execute("UPDATE crm_value_tier_change SET date = '2000-01-01'")
        self.env.cr.execute("UPDATE crm_value_snapshot SET as_of_date = '2000-01-31'")
        count = self.env["crm.value.tier.change"].search_count([])
        for model, method in (("crm.value.tier.change", "_gc_changes"), ("crm.value.snapshot", "_gc_snapshots")):
            self.assertEqual(getattr(self.env[model], method)(), (0, 0))
        self.assertEqual(self.env["crm.value.tier.change"].search_count([]), count)
        self.assertTrue(self.worth.snapshot_ids)

    def test_in_batches(self):
        from unittest.mock import patch

        self.company.value_snapshot_months = 1
        self.env.cr.execute("UPDATE crm_value_snapshot SET as_of_date = %s", [self.today - timedelta(days=99)])
        with patch("odoo.addons.crm_value_addon.models.refresh.crm_value_retention._BATCH", 1):
            self.assertEqual(self.env["crm.value.snapshot"]._gc_snapshots(), (1, 1), "the vacuum comes again")


class TestLogs(PrivacyCase):
    def test_no_name_in_the_log(self):
        """Refreshing, failing, merging and erasing name customers by number only."""
        secret = self.customer("Xantippe Zwölfinger", email="xantippe@zwoelfinger.example")
        twin = self.customer("Xantippe Zwölfinger the Second", email="second@zwoelfinger.example")
        self.invoice(secret, self.today, 77)
        self.invoice(twin, self.today, 78)
        lines, handler, formatter = [], logging.Handler(), logging.Formatter("%(name)s %(message)s")
        handler.emit = lambda record: lines.append(formatter.format(record))
        root = logging.getLogger("odoo")
        root.addHandler(handler)
        try:
            self.refresh()
            self.refresh(secret)
            self.env.cr.execute("ALTER TABLE crm_value ADD CONSTRAINT too_dear CHECK (revenue_total != 77) NOT VALID")
            self.invoice(secret, self.today, 0.5)
            self.env.cr.execute("ALTER TABLE crm_value DROP CONSTRAINT too_dear")
            self.env.cr.execute("ALTER TABLE crm_value ADD CONSTRAINT too_dear CHECK (revenue_total != 77.5) NOT VALID")
            run = self.refresh()
            self.env.cr.execute("ALTER TABLE crm_value DROP CONSTRAINT too_dear")
            self.env["base.partner.merge.automatic.wizard"]._merge((secret + twin).ids, secret)
            secret.with_env(self.here).action_erase_profile()
        finally:
            root.removeHandler(handler)
        self.assertEqual(run.skipped, 1)
        told = [line for line in lines if line.startswith("odoo.addons.crm_value_addon")]
        for line in [*told, *run.sudo().skipped_ids.mapped("reason"), run.message or ""]:
            for word in ("Xantippe", "zwoelfinger"):
                self.assertNotIn(word, line)
        self.assertNotIn("Failing row", str(run.sudo().skipped_ids.mapped("reason")))

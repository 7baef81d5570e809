import importlib.util
from pathlib import Path
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError
from odoo.tools.translate import LazyTranslate, code_translations

from ...models.refresh.crm_value_observation import NO_CUSTOMER, UNREADABLE
from ...models.refresh.crm_value_run import INTERRUPTED
from ...models.refresh.crm_value_writer import TooManyLeftOut
from ...models.refresh.said import Label, Name, to_data, to_text, with_values
from ..common import TODAY, ValueCase

_FRENCH = {
    "Interrupted; the next run does its work.": "Interrompu.",
    "The contact has no commercial partner: its orders and opportunities belong to no customer.": "Sans partenaire.",
    "%(figure)s cannot be counted: an amount or a day of its documents, orders or opportunities is missing or beyond "
    "any range.": "%(figure)s ne se compte pas.",
    "%(rule)s is stopped: it needs %(what)s, and the one it had is gone.": "%(rule)s : il faut %(what)s.",
    "a gift": "un cadeau",
    "%(customer)s: %(reason)s": "%(customer)s : %(reason)s",
    "and %(count)s more": "et %(count)s autres",
    "Merged with %(customer)s": "Réuni avec %(customer)s",
    "merged with %(customer)s": "réuni avec %(customer)s",
    "%(tier)s, line “%(line)s”: keeping the tier must not ask for more than entering it.": "%(tier)s : « %(line)s ».",
    "%(figure)s from %(enter)s, kept down to %(keep)s": "%(figure)s dès %(enter)s, puis %(keep)s",
    "Lapsed": "Périmés",
    "the reason is gone": "la raison n'est plus",
}
_lt = LazyTranslate("odoo.addons.crm_value_addon")
_MERGED = _lt("merged with %(customer)s")
_MIGRATIONS = Path(__file__).parents[2] / "migrations" / "19.0.1.2.0"


@freeze_time(TODAY)
class TestSaid(ValueCase):
    """What the refresh says is read in the language of its reader, whoever ran it."""

    def setUp(self):
        super().setUp()
        self.env["res.lang"]._activate_lang("fr_FR")
        real = code_translations.get_python_translations
        french = patch.object(
            code_translations,
            "get_python_translations",
            lambda module, lang: _FRENCH if (module, lang) == ("crm_value_addon", "fr_FR") else real(module, lang),
        )
        self.startPatcher(french)
        self.french = self.env(context={**self.env.context, "lang": "fr_FR"})

    def run_of(self, kind="selected", **vals):
        return self.env["crm.value.run"].create({"company_id": self.company.id, "kind": kind, **vals})

    def in_french(self, record):
        return record.with_env(self.french)

    def test_a_run_that_was_interrupted(self):
        for reader, writer in ((self.env, self.french), (self.french, self.env)):
            run = self.run_of(state="running")
            run.with_env(writer)._start(self.company, "selected", TODAY)
            self.assertEqual(run.state, "failed")
            text = "Interrompu." if reader is self.french else "Interrupted; the next run does its work."
            self.assertEqual(run.with_env(reader).message, text)

    def test_a_contact_without_a_customer(self):
        stray = self.customer("Stray")
        self.env["sale.order"].create({"partner_id": stray.id})
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_partner SET commercial_partner_id = NULL WHERE id = %s", [stray.id])
        self.env.invalidate_all()
        run = self.Refresh.with_env(self.french)._refresh_company()
        self.assertIn("no commercial partner", run.with_env(self.env).skipped_ids.reason)
        self.assertEqual(run.skipped_ids.reason, "Sans partenaire.")

    def test_a_figure_is_named_as_the_reader_names_it(self):
        field = self.env["ir.model.fields"]._get("crm.value", "revenue_total")
        field.with_context(lang="fr_FR").field_description = "Chiffre"
        run = self.run_of()
        run._advance(1, 0, [(self.customer().id, with_values(UNREADABLE, figure=Label("crm.value", "revenue_total")))])
        self.assertEqual(self.in_french(run.skipped_ids).reason, "Chiffre ne se compte pas.")
        self.assertIn("Revenue", run.skipped_ids.reason)

    def test_sentences_within_sentences(self):
        error = TooManyLeftOut(self.french, with_values(UNREADABLE, figure=NO_CUSTOMER))
        self.assertEqual(str(error), "Sans partenaire. ne se compte pas.")
        run = self.run_of(state="running")
        run._record_failure(self.company, "selected", error)
        self.assertTrue(run.message.startswith("The contact has no"))
        self.assertEqual(self.in_french(run).message, "Sans partenaire. ne se compte pas.")

    def test_what_is_gone_keeps_its_name(self):
        gone = self.customer("Gone")
        data = to_data(Name.of(gone))
        self.assertEqual(to_text(self.env, data), "Gone")
        gone.name = "Renamed"
        self.assertEqual(to_text(self.env, data), "Renamed")
        gone.unlink()
        self.assertEqual(to_text(self.env, data), "Gone")
        self.assertEqual(to_text(self.env, to_data(Label("crm.value", "no_such_field"))), "no_such_field")
        self.assertEqual(to_text(self.env, to_data(Name("no.such.model", 1, "Old"))), "Old")

    def test_a_value_with_a_percent_sign(self):
        said = to_data(with_values(UNREADABLE, figure="100 % (%s)"))
        self.assertIn("100 % (%s) ne", to_text(self.french, said))

    def test_a_rule_that_is_stopped(self):
        rule = self.env.ref("crm_value_addon.followup_lost").copy(
            {"name": "Win back", "active": True, "action_type": "activity"}
        )
        rule.with_context(lang="fr_FR").name = "Reconquête"
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE crm_value_followup_rule SET action_type = 'gift', gift_id = NULL WHERE id = %s", [rule.id]
        )
        self.env.invalidate_all()
        run = self.env["crm.value.followup.run"].with_env(self.french)._run_company(self.company)
        self.assertEqual(self.in_french(rule).stop_reason, "Reconquête : il faut un cadeau.")
        self.assertEqual(rule.stop_reason, "Win back is stopped: it needs a gift, and the one it had is gone.")
        self.assertIn(rule.stop_reason, run.with_env(self.env).message)

    def test_whom_a_rule_left_out(self):
        rule = self.env.ref("crm_value_addon.followup_lost")
        customers = [self.customer(f"Customer {number}") for number in range(6)]
        for customer in customers:
            self.invoice(customer, "2025-06-01")
        self.refresh()
        failed = {self.value(customer).id: "no luck" for customer in customers}
        self.env["crm.value.followup.run"].with_env(self.french)._tell_failures(rule, failed, None)
        self.assertIn("Customer 0: no luck", rule.failures)
        self.assertTrue(rule.failures.endswith("and 1 more"))
        self.assertTrue(self.in_french(rule).failures.endswith("et 1 autres"))
        user = self.env["res.users"].create(
            {"name": "M", "login": "m", "group_ids": [(4, self.env.ref("sales_team.group_sale_manager").id)]}
        )
        with self.assertRaises(AccessError, msg="only the run writes it"):
            rule.with_user(user).failure_notes = ["forged"]

    def test_a_tier_that_a_merge_brought(self):
        tiers = self.env["crm.value.tier"]
        tiers.search([]).active = False
        tiers.create(
            {
                "name": "Buyers",
                "company_id": self.company.id,
                "criterion_ids": [(0, 0, {"metric": "revenue_12m", "enter_min": 100, "keep_min": 100})],
            }
        )
        first, second = self.customer("First"), self.customer("Second")
        self.invoice(first, "2025-06-01", 500)
        self.invoice(second, "2025-06-01", 5)
        self.refresh()
        self.env(context=self.french.context)["base.partner.merge.automatic.wizard"].create({})._merge(
            (first | second).ids, second
        )
        change = self.env["crm.value.tier.change"].search([("value_id", "=", self.value(second).id)], limit=1)
        self.assertEqual((change.source, change.reason), ("merge", "Merged with First"))
        self.assertEqual(self.in_french(change).reason, "Réuni avec First")

    def test_a_follow_up_that_is_closed(self):
        rule = self.env.ref("crm_value_addon.followup_lost")
        customer = self.customer("Acme 100 %")
        self.invoice(customer, "2025-06-01")
        self.refresh()
        vals = {
            "rule_id": rule.id,
            "value_id": self.value(customer).id,
            "company_id": self.company.id,
            "date": "2025-06-10",
            "group": "treated",
            "state": "open",
        }
        said = with_values(_MERGED, customer=Name.of(customer))
        for reason, english, french in (
            (said, "merged with Acme 100 %", "réuni avec Acme 100 %"),
            (None, "the reason is gone", "la raison n'est plus"),
        ):
            followup = self.env["crm.value.followup"].create({**vals, "occasion": f"of {english}"})
            followup.with_env(self.french)._close(TODAY, reason)
            self.assertIn(english, followup.close_reason)
            self.assertEqual(followup.close_term, followup.close_reason, "the activity is marked in English")
            self.assertEqual(self.in_french(followup).close_reason, french)

    def test_planned_rules_that_cannot_hold(self):
        tier = self.env["crm.value.tier"].create({"name": "Gold", "company_id": self.company.id})
        tier.with_context(lang="fr_FR").name = "Or"
        plan = self.env["crm.value.tier.plan"].create(
            {
                "company_id": self.company.id,
                "scheme": tier.scheme,
                "from_date": "2025-08-01",
                "line_ids": [(0, 0, {"tier_id": tier.id, "downgrade_policy": "immediate"})],
                "criterion_ids": [
                    (0, 0, {"tier_id": tier.id, "metric": "revenue_12m", "enter_min": 1000, "keep_min": 2500.5})
                ],
            }
        )
        with self.assertLogs("odoo.addons.crm_value_addon.models.tiers.crm_value_tier_plan", "WARNING"):
            plan.with_env(self.french)._apply_safely()
        self.assertEqual(plan.state, "failed")
        self.assertIn("Gold, line “Revenue", plan.failure)
        self.assertIn("from 1,000, kept down to 2,500.50”", plan.failure)
        self.assertIn("Or : «", self.in_french(plan).failure)
        self.assertIn("dès 1\u202f000, puis 2\u202f500,50", self.in_french(plan).failure.replace("\xa0", "\u202f"))
        self.assertIn("Gold, line", plan.activity_ids.note, "in the language of who planned it")

    def test_what_happened_to_points_is_said_to_the_customer(self):
        History = self.env["loyalty.history"]
        for lang, writer, text in (("fr_FR", self.env, "Périmés"), ("en_US", self.french, "Lapsed")):
            card = self.env["loyalty.card"].new({"partner_id": self.customer(lang=lang).id})
            self.assertEqual(History.with_env(writer)._env_of(card)._("Lapsed"), text)

    # texts of before the update

    def migrate(self, name):
        spec = importlib.util.spec_from_file_location(name.replace("-", "_"), _MIGRATIONS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.env.flush_all()
        module.migrate(self.env.cr, "19.0.1.1.0")
        self.env.invalidate_all()

    def test_texts_of_before_the_update(self):
        run = self.run_of(state="failed", notes=[to_data(INTERRUPTED)])
        old = self.env["crm.value.run.skipped"].create(
            [
                {"run_id": run.id, "partner_key": key, "note": text}
                for key, text in enumerate(
                    ("Sans partenaire.", "Chiffre ne se compte pas.", to_text(self.env, to_data(NO_CUSTOMER)), "Else")
                )
            ]
        )
        self.env.flush_all()
        for table, column in (("crm_value_run", "message"), ("crm_value_run_skipped", "reason")):
            self.env.cr.execute(f"ALTER TABLE {table} ADD COLUMN {column} text")
        self.env.cr.execute("UPDATE crm_value_run SET message = E'Interrompu.\\nElse', notes = NULL")
        self.env.cr.execute("UPDATE crm_value_run_skipped SET reason = note #>> '{}', note = '0'")
        for _again in range(2):
            self.migrate("pre-said")
            self.migrate("post-said")
            english = [line.reason for line in old.sorted("partner_key")]
            self.assertEqual(
                [english[0][:22], english[1][:25], english[3]],
                ["The contact has no com", "Chiffre cannot be counted", "Else"],
            )
            self.assertEqual(english[2], english[0])
            self.assertEqual(run.message, "Interrupted; the next run does its work.\nElse")
            self.assertEqual(self.in_french(old.sorted("partner_key")[2]).reason, "Sans partenaire.")

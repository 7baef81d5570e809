import json
from unittest.mock import MagicMock, patch

from markupsafe import Markup

from odoo import Command
from odoo.addons.web.controllers.export import CSVExport
from odoo.exceptions import UserError, ValidationError
from odoo.tools import mute_logger

from .common_trust import TrustCase

#: what people try: SQL, HTML, templates of Python, of Jinja and of QWeb, format strings, formulas, control characters
ATTACKS = (
    "'; DROP TABLE crm_value; --",
    '" OR 1=1 --',
    "%s",
    "%(tier)s %(id)s %d",
    "100 % sure",
    "{0}",
    "{}",
    "{tier.__class__}",
    "{revenue.__class__.__mro__}",
    "{customer!r}",
    "{company:>99999999}",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{ object.env.cr }}",
    "${object.env}",
    "<t t-out='1+1'/>",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(A1)",
    "-2+3",
    "a\tb\nc\\N",
    "\u202eevil",
    "🙂 ż 漢",
    "x" * 2000,
)
_LIVE = ("<script", "<img src=x", "<t t-out")


class TestInjection(TrustCase):
    """Texts of people that reach SQL, HTML, a file or an evaluation: they stay texts."""

    def assertHarmless(self, html, attack):
        """The text is in the HTML, and none of it is markup."""
        for live in _LIVE:
            self.assertNotIn(live, html.lower(), attack)
        self.assertNotIn("onerror=alert", html.replace("&lt;img src=x onerror=alert(1)&gt;", ""), attack)

    def test_names_of_tiers_and_customers(self):
        """Every place that puts them into HTML or into a sentence, with a move that is logged."""
        self.records["crm.value.tier.lock"].action_end()
        for attack in ATTACKS:
            with self.subTest(attack=attack):
                self.top.name, self.mid.name = attack, attack
                self.buyer.name = attack
                self.env["crm.value.tier.lock"].create(
                    {"value_id": self.worth.id, "tier_id": self.low.id, "reason": attack}
                )
                self.records["crm.value.tier.lock"].search([("value_id", "=", self.worth.id)]).action_end()
                self.env.flush_all()
                self.env.invalidate_all()
                order = self.order(self.buyer)
                texts = [
                    self.worth.tier_explanation,
                    order.value_summary,
                    self.worth.benefit_summary,
                    *self.worth.message_ids.mapped("body"),
                    self.buyer.value_tier_explanation,
                    order.value_notice,
                    self.env["crm.value.followup.preview"]
                    .create({"rule_id": self.records["crm.value.followup.rule"].id})
                    .preview,
                ]
                self.assertTrue(all(texts[:2]))
                for html in filter(None, texts):
                    if isinstance(html, Markup):
                        self.assertHarmless(str(html), attack)
                self.assertEqual(self.top.name, attack)
                with self.assertRaises(ValidationError) as refused, self.env.cr.savepoint():
                    self.mid.criterion_ids.enter_min = 999999
                self.assertIn(attack, str(refused.exception), "a name is no format")

    def test_placeholders_of_followups(self):
        self.buyer.name = "{company} {customer.__class__} <b>Bold</b>"
        text = self.env["crm.value.followup.text"]
        for attack in ATTACKS:
            with self.subTest(attack=attack):
                try:
                    with self.env.cr.savepoint():
                        rule = self.env["crm.value.followup.rule"].create(
                            {
                                "name": attack,
                                "trigger": "manual",
                                "company_id": self.company.id,
                                "summary": attack,
                                "note": f"<p>{attack}</p>",
                                "user_id": self.users["own"].id,
                            }
                        )
                except ValidationError as error:  # a word in braces that means nothing is named
                    self.assertIn("is not known", str(error))
                    continue
                facts = text._facts(self.company, self.due(), self.worth, False, [])
                filled = text._fill(rule.summary, facts)
                self.assertNotIn("class '", filled)
                self.assertNotIn("<class", filled)
                self.assertHarmless(str(text._note(rule, self.company, self.due(), self.worth, facts)), attack)
        rule.write({"summary": "{customer}", "note": "<p>{customer}</p>"})
        facts = text._facts(self.company, self.due(), self.worth, False, [])
        self.assertEqual(text._fill(rule.summary, facts), self.buyer.name, "filled in once, not again")
        self.assertNotIn("<b>", text._note(rule, self.company, self.due(), self.worth, facts))

    def due(self):
        from ...models.followups.crm_value_followup_due import DueCustomer

        return DueCustomer(self.worth.id, self.buyer.id, "x", None, None, None, None)

    @mute_logger("odoo.sql_db", "odoo.domains", "odoo.osv.expression")
    def test_conditions_that_are_stored(self):
        attacks = (
            *ATTACKS,
            "__import__('os').system('true')",
            "[(1,1,1)",
            "().__class__.__bases__",
            "[('id', 'inselect', ('SELECT 1', ()))]",
            "[('name;--', '=', 1)]",
            "[('name\" = \"name', '=', 1)]",
            "[('id', '= 1 OR 1', 1)]",
            "[('value_ids', 'any!', [('clv', '>', 0)])]",
            "[('user_id.password', '!=', False)]",
            "[('user_ids.api_key_ids.key', 'ilike', 'a')]",
            "{'a': 1}",
            "1",
            "None",
            "open('/etc/passwd').read()",
            "[('partner_id.clv', 'any!', [])]",
            "[('id', '=', self.env)]",
            "[('id', '=', cr)]",
            "[" * 500,
        )
        rule = self.records["crm.value.followup.rule"]
        for attack in attacks:
            for record, name in ((self.low, "partner_domain"), (rule, "domain")):
                with self.subTest(attack=attack, model=record._name):
                    with self.assertRaises(ValidationError) as refused, self.env.cr.savepoint():
                        record[name] = attack
                        self.env.flush_all()
                    self.env.invalidate_all()
                    self.assertIn("cannot be used", str(refused.exception))
                    self.assertEqual(record[name], "[]")
        self.assertTrue(self.worth.exists())

    @mute_logger("odoo.sql_db", "odoo.domains")
    def test_conditions_of_an_author_without_margins(self):
        """A manager from whom the margins were taken asks for them by no rule of its own."""
        boss = self.users["manager"]
        group = self.env.ref("crm_value_addon.group_value_margin")
        self.env.ref("sales_team.group_sale_salesman_all_leads").implied_ids -= group
        self.assertFalse(boss.has_group("crm_value_addon.group_value_margin"))
        for record, name, text in (
            (self.low, "partner_domain", "[('clv', '>', 1)]"),
            (self.low, "partner_domain", "[('message_partner_ids.clv', '>', 1)]"),
            (self.records["crm.value.followup.rule"], "domain", "[('clv', '>', 1)]"),
            (self.records["crm.value.followup.rule"], "domain", "[('message_partner_ids.clv', '>', 1)]"),
        ):
            with self.subTest(text=text), self.assertRaises(ValidationError), self.env.cr.savepoint():
                record.with_user(boss)[name] = text
                self.env.flush_all()
            self.env.invalidate_all()

    def test_free_texts_are_stored_as_they_are(self):
        kind = self.records["crm.value.feedback.kind"]
        for attack in ATTACKS:
            with self.subTest(attack=attack):
                told = self.env["crm.value.feedback"].create(
                    {
                        "partner_id": self.buyer.id,
                        "company_id": self.company.id,
                        "kind_id": kind.id,
                        "description": attack,
                    }
                )
                word = self.env["crm.value.caution.override"].create(
                    {"value_id": self.worth.id, "caution": True, "reason": attack}
                )
                kind.name = attack
                self.env.flush_all()
                self.env.invalidate_all()
                self.assertEqual((told.description, word.reason, kind.name), (attack, attack, attack))
                self.assertEqual(self.worth.caution_reason, attack)
        kind.amount = 5
        self.refresh()
        self.assertIn(ATTACKS[-1], json.dumps(self.worth.explain_value(), ensure_ascii=False))

    def test_searches(self):
        Partner = self.env["res.partner"].with_user(self.users["own"])
        for attack in ATTACKS:
            with self.subTest(attack=attack):
                Partner.search([("value_id", "ilike", attack)], limit=1)
                Partner.search([("value_tier_id", "ilike", attack)], limit=1)
                self.env["crm.value"].search([("partner_id", "ilike", attack)], limit=1)
                for model, method, arguments in (
                    ("crm.value", "search", {"domain": [], "order": attack}),
                    ("res.partner", "search", {"domain": [(attack, "=", 1)]}),
                    (
                        "res.partner",
                        "formatted_read_group",
                        {"domain": [], "groupby": [attack], "aggregates": ["__count"]},
                    ),
                ):
                    try:
                        with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                            getattr(self.env[model], method)(**arguments)
                    except (ValueError, UserError):
                        continue
                    self.fail(f"{model}.{method} took {attack}")
        for number in ("1 OR 1=1", "1; SELECT 1", None, [], float("inf"), 10**30):
            with self.subTest(number=number):
                try:
                    with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                        self.env["crm.value"].search([("days_since_last_purchase", ">", number)])
                except (ValueError, TypeError, UserError, OverflowError):
                    continue

    def test_formulas_in_exports(self):
        """Odoo's own export is the only way out of the lists; its CSV quotes what looks like a formula."""
        for attack in (attack for attack in ATTACKS if attack[0] in "=+-@"):
            self.buyer.name = attack
            rows = self.worth.export_data(["partner_id/name", "tier_id/name"])["datas"]
            self.assertEqual(rows[0][0], attack)
            with patch("odoo.addons.web.controllers.export.request", MagicMock(env=self.env)):
                content = CSVExport().from_data([], ["Customer", "Tier"], rows)
            cell = content.splitlines()[1]
            if attack[0] != "@":  # Odoo quotes =, + and -
                self.assertTrue(cell.startswith(f""" "'{attack[0]}""".strip()), cell)

    def test_the_backtests_file_names_nobody(self):
        self.buyer.name = "=cmd|' /C calc'!A0"
        for months in (9, 6, 3):
            self.invoice(self.buyer, self.today.replace(year=self.today.year - 1, day=1, month=months), 50)
        wizard = self.env["crm.value.backtest"].create(
            {"calibration_end": self.today.replace(year=self.today.year - 1, month=10, day=1)}
        )
        wizard.action_run()
        for line in wizard._csv().splitlines():
            self.assertNotRegex(line, r"(^|,)\"?[=+@]", line)
            self.assertNotIn("cmd", line)

    def test_rules_with_attacks_still_assign(self):
        self.top.criterion_ids = [Command.clear(), Command.create({"metric": "revenue_total", "enter_min": 10})]
        self.top.partner_domain = repr([("name", "=", "'; DROP TABLE crm_value; --")])
        self.buyer.name = "'; DROP TABLE crm_value; --"
        self.records["crm.value.tier.lock"].action_end()
        self.refresh()
        self.assertEqual(self.worth.tier_id, self.top)

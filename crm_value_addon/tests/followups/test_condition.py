from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..common import TODAY
from .test_crm_value_followup_trigger import FollowupCase

RUN = "odoo.addons.crm_value_addon.models.followups.crm_value_followup_run"


@tagged("post_install", "-at_install")
@freeze_time(TODAY)
class TestCondition(FollowupCase):
    """A rule's condition is data, and looks at no more than its author may."""

    def setUp(self):
        super().setUp()
        self.bought("Big", 80, 110, 140, amount=500)
        self.bought("Small", 81, 111, 141, amount=50)
        self.refresh()

    def found(self, domain):
        return set(self.due(self.rule("at_risk", domain=domain)))

    def test_programs_are_refused(self):
        for text, part in (
            ("[('revenue_total', '>', 1)] if uid == 1 else []", "if uid == 1"),
            ("[('write_uid', '=', uid)]", "uid"),
            ("[('revenue_total', '>', 1000 * (uid - 1))]", "uid"),
            ("[('revenue_total', '>', 10 ** 9)]", "**"),
            ("[('revenue_total', '>', 1) for x in (1,)]", "for x in"),
            ("[(('revenue_total', 'clv')[context_today().day > 3], '>', 1)]", "context_today"),
            ("[('revenue_total', '>', 1), *[('clv', '>', 1)]]", "clv"),
            ("[('last_purchase_date', '<', context_today() and '2025-01-01')]", "context_today() and"),
            ("[('last_purchase_date', '<', context_today().replace(year=uid))]", "replace"),
            ("[('last_purchase_date', '<', context_today() - relativedelta(days=uid))]", "uid"),
            ("[('last_purchase_date', '<', context_today() - context_today())]", "context_today"),
            ("[('partner_id', 'any', [('name', '=', user.name)])]", "user.name"),
            ("[('purchase_count', '>', len([1]))]", "len"),
            ("lambda: []", "lambda"),
            ("{'a': 1}", "a"),
            ("[('purchase_count', '>')]", "purchase_count"),
            ("[b'&']", "&"),
        ):
            with self.subTest(text=text), self.assertRaises(ValidationError) as error, self.env.cr.savepoint():
                self.rule("at_risk", domain=text)
            self.assertIn("is not allowed", str(error.exception), text)
            self.assertIn(part, str(error.exception), text)
        for text in ("[", "[('a', '=', 1)]]", "(" * 300, "['|', ('purchase_count', '>', 1)]"):
            with self.subTest(text=text), self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.rule("at_risk", domain=text)
        for text in (
            "[('last_purchase_date', '<', context_today() + relativedelta(years=99999))]",
            "[('last_purchase_date', '<', 'today +999999999d')]",
            "[('no_such_field', '=', 1)]",
            "[('partner_id.no_such_field', '=', 1)]",
        ):
            with self.subTest(text=text), self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.rule("at_risk", domain=text)

    def test_what_the_editors_write(self):
        both = {"Big", "Small"}
        for text, names in (
            ("[]", both),
            (False, both),
            ("[('revenue_total', '>', 1000)]", {"Big"}),
            ("['|', ('revenue_total', '>', 1000), ('purchase_count', '=', 3)]", both),
            ("['!', ('revenue_total', '>', -1000.5)]", set()),
            ("[(1, '=', 1)]", both),
            ("[('lifecycle_stage', 'in', ['at_risk', 'lost']), ('tier_id', '!=', False)]", both),
            ("[('partner_id', 'any', [('name', 'ilike', 'smal')])]", {"Small"}),
            ("[('partner_id.name', '=', 'Big')]", {"Big"}),
            ("[('last_purchase_date', '<', 'today -80d')]", {"Small"}),
            ("[('last_purchase_date', '>=', context_today() - relativedelta(days=80))]", {"Big"}),
            (
                "[('last_purchase_date', '<', (context_today() + relativedelta(days = -80)).strftime('%Y-%m-%d'))]",
                {"Small"},
            ),
            ("[('last_purchase_date', '<', context_today() - datetime.timedelta(days=80))]", {"Small"}),
            (
                "[('partner_id.create_date', '>', datetime.datetime.combine(context_today() + relativedelta(days=1), "
                'datetime.time(0, 0, 0)).to_utc().strftime("%Y-%m-%d %H:%M:%S"))]',
                both,
            ),
        ):
            with self.subTest(text=text):
                self.assertEqual(self.found(text), names)

    def test_days_are_those_of_the_company(self):
        """At 23:30 in universal time it is tomorrow in Auckland, for the cron and for the preview of whoever looks."""
        self.company.partner_id.tz = "Pacific/Auckland"
        rule = self.rule("at_risk", domain="[('last_purchase_date', '<', 'today -80d')]")
        with freeze_time(f"{TODAY} 23:30:00"):
            for user in (self.manager, self.env.user):
                user.tz = "America/New_York"
                rules = rule.with_user(user).sudo().with_context(tz="America/New_York")
                self.assertEqual(set(self.due(rules)), {"Big", "Small"})

    def test_cron_and_preview_find_the_same(self):
        """What is archived is found by neither: the list in the editor does not count it."""
        [big] = self.env["res.partner"].search([("name", "=", "Big")])
        category = self.env["res.partner.category"].create({"name": "Old", "active": False})
        big.category_id = category
        rule = self.rule("at_risk", domain="[('partner_id.category_id', 'any', [('name', '=', 'Old')])]")
        previewed = set(self.due(rule))
        self.assertEqual(set(self.due(rule.with_context(active_test=False))), previewed)
        self.run_rules()
        self.assertEqual(set(self.followups(rule).mapped("partner_id.name")), previewed)

    # the author

    def author(self, login="author"):
        return new_test_user(
            self.env,
            login,
            "sales_team.group_sale_manager",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )

    def test_fields_are_those_that_the_author_may_read(self):
        author = self.author()
        secret = self.env["ir.model.fields"]._get("res.partner", "email").field_description
        rule = self.rule("at_risk")
        Partner = type(self.env["res.partner"])
        with patch.object(Partner._fields["email"], "groups", "base.group_system"):
            for text in (
                "[('partner_id.email', '=', 'x')]",
                "[('partner_id', 'any', [('email', '=', 'x')])]",
                "[('partner_id', 'not any', [('email', '=', 'x')])]",
                "['|', ('purchase_count', '>', 0), ('partner_id.child_ids.email', '=', 'x')]",
                "[('id', 'in', []), ('partner_id.email', '=', 'x')]",
            ):
                with self.subTest(text=text), self.assertRaises(ValidationError) as error, self.env.cr.savepoint():
                    rule.with_user(author).domain = text
                self.assertIn(secret, str(error.exception))
                self.env.invalidate_all()

    def test_an_author_who_loses_a_right_stops_this_rule_only(self):
        author = self.author()
        rule, other = self.rule("at_risk", sequence=1), self.rule("at_risk", sequence=2)
        rule.with_user(author).domain = "[('clv', '>', 0)]"
        self.assertEqual(rule.domain_author_id, author)
        self.assertEqual(len(self.due(rule)), 2)
        self.env.ref("crm_value_addon.group_value_margin").user_ids -= author
        author.group_ids = [Command.set(self.env.ref("sales_team.group_sale_salesman").ids)]
        self.env.invalidate_all()
        self.assertFalse(author.has_group("crm_value_addon.group_value_margin"))
        with self.assertRaises(UserError) as error:
            self.due(rule)
        self.assertIn("may not read the field “CLV”", str(error.exception))
        with mute_logger(RUN):
            self.run_rules()
        self.assertEqual((len(self.followups(rule)), len(self.followups(other))), (0, 2))
        self.assertIn("may not read", rule.stop_reason)
        self.assertIn("may not read", self.env["crm.value.run"].search([("kind", "=", "followup")], limit=1).message)
        rule.domain = "[('clv', '>', 0)]"
        self.assertFalse(rule.stop_reason)
        self.assertEqual(len(self.due(rule)), 2)

    def test_a_rule_without_an_author_stops(self):
        rule = self.rule("at_risk", domain="[('purchase_count', '>', 1)]")
        rule.domain_author_id = False
        with self.assertRaises(UserError):
            self.due(rule)
        rule.domain_author_id, rule.domain = False, "[]"
        self.assertEqual(len(self.due(rule)), 2)

    def test_nobody_names_another_author(self):
        author = self.author()
        root = self.env.ref("base.user_root")
        rule = self.rule("at_risk").with_user(author)
        with self.assertRaises(AccessError):
            rule.write({"domain_author_id": root.id})
        with self.assertRaises(AccessError):
            rule.write({"domain": "[('purchase_count', '>', 1)]", "domain_author_id": root.id})
        vals = {"name": "Mine", "trigger": "at_risk"}
        with self.assertRaises(AccessError):
            rule.with_context(default_domain_author_id=root.id).create(vals)
        self.assertEqual(rule.create(vals).sudo().domain_author_id, author)
        self.assertEqual(rule.copy().sudo().domain_author_id, author)

    def test_a_stored_program_is_not_run(self):
        """One from before the update, or written into the database."""
        rule = self.rule("at_risk")
        self.env.cr.execute(
            "UPDATE crm_value_followup_rule SET domain = %s WHERE id = %s",
            ["[('clv', '>', 0)] if context_today().year > 2024 else []", rule.id],
        )
        self.env.invalidate_all()
        with self.assertRaises(UserError) as error:
            self.due(rule)
        self.assertIn("is not allowed", str(error.exception))
        with freeze_time(TODAY + timedelta(days=1)), mute_logger(RUN):
            self.run_rules()
        self.assertFalse(self.followups(rule))

import json
from datetime import timedelta

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ..privacy.common_trust import TrustCase

_REPORTS = ("crm_value_addon.report_value_review", "crm_value_addon.report_value_review_contact")


class TestCrmValueBrief(TrustCase):
    """The review sheet as text and as a page: the same content, and nothing that the reader may not see."""

    def brief(self, partner_ids=..., user="all"):
        self.env.flush_all()
        env = self.env(user=self.users[user], context={"allowed_company_ids": self.company.ids})
        return env["crm.value.brief"].brief(self.buyer.ids if partner_ids is ... else partner_ids)

    def page(self, user="all", report=0):
        self.env.flush_all()
        self.env.invalidate_all()
        env = self.env(user=self.users[user], context={"allowed_company_ids": self.company.ids})
        records = (self.worth, self.buyer)[report]
        html, _kind = env["ir.actions.report"]._render_qweb_html(_REPORTS[report], records.ids)
        return html.decode()

    def rows(self, name, **kwargs):
        [brief] = self.brief(**kwargs)
        sections = {section["name"]: section["rows"] for section in brief["sections"]}
        return sections.get(name)

    def test_what_it_tells(self):
        [brief] = self.brief()
        self.assertEqual((brief["partner_id"], brief["name"]), (self.buyer.id, "Buyer"))
        overview = {row["label"]: row["text"] for row in self.rows("overview")}
        self.assertIn("Top", overview["Tier"])
        self.assertEqual(overview["Contact"], "buyer@example.com")
        self.assertIn("Said so", overview["Handle with care"])
        self.assertIn("$\xa04,321.09", self.rows("trend")[0]["text"])
        self.assertIn("Samples", [row["label"] for row in self.rows("products")])
        offers = [row["label"] for row in self.rows("offers")]
        self.assertEqual(offers, [self.sale.name, "Chance"])
        for section in brief["sections"]:
            self.assertIn(section["title"], brief["text"])
            for row in section["rows"]:
                self.assertIn(row["text"], brief["text"])

    def test_page_and_text_are_the_same(self):
        [brief] = self.brief()
        for report in range(len(_REPORTS)):
            page = self.page(report=report).replace("\xa0", " ").replace("&#39;", "'").replace("&#34;", '"')
            for section in brief["sections"]:
                self.assertIn(section["title"], page)
                for row in section["rows"]:
                    if section["name"] != "trend":
                        self.assertIn(row["text"].replace("\xa0", " "), page)

    def test_nothing_hidden(self):
        page = self.env["crm.value.customer.page"]
        hidden = [name for name, field in self.worth._fields.items() if field.type == "monetary" and field.groups]
        self.assertIn("clv", hidden)
        amounts = {page._money(self.worth, self.worth[name]) for name in hidden if self.worth[name]}
        amounts |= {str(self.worth[name]) for name in hidden if self.worth[name]}
        amounts -= {
            text
            for name, field in self.worth._fields.items()
            if field.type == "monetary" and not field.groups
            for text in (page._money(self.worth, self.worth[name]), str(self.worth[name]))
        }
        self.assertIn(page._money(self.worth, self.worth.clv), amounts)
        self.assertIn("$\xa01,234.57", amounts)
        for user, sees in (("own", False), ("all", True)):
            told = json.dumps(self.brief(user=user), ensure_ascii=False), self.page(user)
            for answer in told:
                found = {amount for amount in amounts if amount in answer}
                self.assertEqual("$\xa01,234.57" in found, sees, user)
                if not sees:
                    self.assertFalse(found, user)

    def test_offers_by_the_rules_of_the_reader(self):
        self.sale.user_id = self.lead.user_id = self.users["manager"]
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertIsNone(self.rows("offers", user="own"))
        self.assertEqual(len(self.rows("offers", user="all")), 2)
        self.assertNotIn(self.sale.name, self.page("own"))

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_who_may_ask(self):
        for user in ("public", "portal", "employee", "invoicing"):
            with self.assertRaises(AccessError):
                self.brief(user=user)
            for report in range(len(_REPORTS)):
                with self.assertRaises(AccessError):
                    self.page(user, report)
        other = self.setup_other_company(name="Elsewhere")["company"]
        self.users["stranger"] = new_test_user(
            self.env,
            "brief_stranger",
            groups="sales_team.group_sale_manager",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        env = self.env(user=self.users["stranger"], context={"allowed_company_ids": other.ids})
        self.assertEqual(env["crm.value.brief"].brief(self.buyer.ids), [])
        with self.assertRaises(AccessError):
            env["crm.value.brief"]._sheets(self.worth.with_env(env))

    def test_nonsense_is_answered(self):
        for nonsense in (False, None, [], "1", {}, [0], [-1], ["1"], [True and 2**31], [2**31 - 1], self.buyer.id):
            with self.assertRaises(UserError, msg=str(nonsense)):
                self.brief(nonsense)
        many = self.env["res.partner"].create([{"name": f"Number {number}"} for number in range(201)])
        with self.assertRaises(UserError):
            self.brief(many.ids)
        self.assertEqual(self.brief(many[:1].ids), [])

    def test_a_contact_stands_for_its_customer_once(self):
        contact = self.customer("Ann", parent_id=self.buyer.id, phone="+1 555 0101")
        [brief] = self.brief([contact.id, self.buyer.id])
        self.assertEqual(brief["partner_id"], self.buyer.id)
        self.assertIn("Ann, +1 555 0101", brief["text"])

    def test_last_contacts(self):
        self.buyer.message_post(body="They asked for oat milk", message_type="comment")  # pylint: disable=translation-required
        self.buyer.message_post(body="Tier set", message_type="notification")  # pylint: disable=translation-required
        texts = " ".join(row["text"] for row in self.rows("contacts"))
        self.assertIn("They asked for oat milk", texts)
        self.assertNotIn("Tier set", texts)

    def test_the_trend_compares_with_the_year_before(self):
        self.invoice(self.buyer, self.today - timedelta(days=500), 2000)
        self.refresh()
        text = self.rows("trend")[0]["text"]
        self.assertIn("2,000.00", text)
        self.assertIn("+116", text)

    def test_opted_out(self):
        self.buyer.value_opt_out = True
        self.refresh()
        self.assertIsNone(self.rows("worth"))
        self.assertIsNone(self.rows("tier"))
        self.assertIn("4,321.09", json.dumps(self.brief()))

    def test_no_query_more_for_more_customers(self):
        others = self.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(20)])
        for partner in others:
            self.invoice(partner, self.today - timedelta(days=30), 100)
            partner.message_post(body="Called", message_type="comment")  # pylint: disable=translation-required
        self.refresh()

        def queries(partners):
            env = self.env(user=self.users["own"], context={"allowed_company_ids": self.company.ids})
            env.invalidate_all()
            start = env.cr.sql_log_count
            self.assertEqual(len(env["crm.value.brief"].brief(partners.ids)), len(partners))
            return env.cr.sql_log_count - start

        for _ in range(2):  # what every session reads once: the first time, the records are still known
            queries(others)
        self.assertLessEqual(queries(others), queries(others[:2]) + 4)

    def test_in_a_second_currency_and_company(self):
        other = self.setup_other_company(name="Branch", currency_id=self.env.ref("base.CHF").id)["company"]
        env = self.env(context=dict(self.env.context, allowed_company_ids=other.ids))
        move = env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.buyer.id,
                "invoice_date": self.today,
                "invoice_line_ids": [Command.create({"name": "Line", "price_unit": 77, "tax_ids": [Command.clear()]})],
            }
        )
        move.action_post()
        env["crm.value.refresh"].with_company(other)._refresh_company()
        both = self.env["crm.value.brief"].with_context(allowed_company_ids=[self.company.id, other.id])
        first, second = both.brief(self.buyer.ids)
        self.assertIn("4,321.09", first["text"])
        self.assertIn("CHF", second["text"])
        self.assertNotIn("4,321.09", second["text"])

import base64
import json

import psycopg2

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ..common import ValueCase


class TestCrmValueConfiguration(ValueCase):
    """The configuration as a file, from a test database to the live one (here: from a company to another)."""

    def setUp(self):
        super().setUp()
        self.other = self.env["res.company"].create({"name": "Live", "currency_id": self.company.currency_id.id})
        self.pricelist = self.env["product.pricelist"].create(
            [
                {"name": "Public", "sequence": 1, "company_id": False},
                {"name": "Only for members", "sequence": 99, "company_id": False},
            ]
        )[1]
        self.tier = self.env["crm.value.tier"].create(
            {
                "name": "Ruby",
                "company_id": self.company.id,
                "grace_days": 12,
                "sequence": 900,
                "criterion_ids": [(0, 0, {"metric": "revenue_12m", "enter_min": 1234567.25, "keep_min": 1000000})],
                "benefit_ids": [
                    (0, 0, {"benefit_type": "pricelist", "pricelist_id": self.pricelist.id}),
                    (0, 0, {"benefit_type": "note", "note": "Be kind"}),
                ],
            }
        )
        self.company.value_horizon_months = 24

    def wizard(self, company=None, data=None, user=None):
        company = company or self.company
        wizards = (
            self.env["crm.value.configuration"].with_company(company).with_context(allowed_company_ids=company.ids)
        )
        wizards = wizards.with_user(user) if user else wizards
        wizard = wizards.create({"company_id": company.id})
        if data is not None:
            content = data if isinstance(data, bytes) else json.dumps(data).encode()
            wizard.import_file = base64.b64encode(content)
        return wizard

    def exported(self, company=None):
        wizard = self.wizard(company)
        wizard.action_export()
        return json.loads(base64.b64decode(wizard.export_file))

    def test_round_trip_into_another_company(self):
        data = self.exported()
        wizard = self.wizard(self.other, data)
        wizard.action_check()
        self.assertIn("Ruby: new", wizard.preview)
        self.assertIn("Horizon (months) 36 → 24", wizard.preview)
        self.assertFalse(self.env["crm.value.tier"].search([("company_id", "=", self.other.id)]), "only a preview")
        self.assertEqual(self.other.value_horizon_months, 36)
        wizard.action_import()
        tier = self.env["crm.value.tier"].search([("company_id", "=", self.other.id), ("name", "=", "Ruby")])
        self.assertEqual((tier.grace_days, tier.sequence), (12, 900))
        self.assertEqual(tier.criterion_ids.mapped("enter_min"), [1234567.25])
        self.assertEqual(tier.benefit_ids.pricelist_id, self.pricelist)
        self.assertEqual(self.other.value_horizon_months, 24)
        self.assertEqual(len(self.env["crm.value.tier"].search([("name", "=", "Ruby")])), 2, "the first stays")

    def test_importing_twice_is_importing_once(self):
        data = self.exported()
        self.wizard(self.other, data).action_import()
        again = self.wizard(self.other, data)
        again.action_check()
        self.assertEqual(again.preview, "Nothing changes: everything is as in the file.")
        before = self.env["crm.value.tier"].search_count([])
        again.action_import()
        self.assertEqual(self.env["crm.value.tier"].search_count([]), before)
        mine = self.wizard(self.company, data)
        mine.action_check()
        self.assertEqual(mine.preview, "Nothing changes: everything is as in the file.")

    def test_what_the_file_no_longer_has_goes(self):
        data = self.exported()
        self.wizard(self.other, data).action_import()
        self.tier.criterion_ids.unlink()
        self.tier.criterion_ids = [(0, 0, {"metric": "purchase_count", "enter_min": 500, "keep_min": 500})]
        self.tier.benefit_ids.filtered("note").unlink()
        self.tier.grace_days = 40
        wizard = self.wizard(self.other, self.exported())
        wizard.action_check()
        self.assertIn("removed", wizard.preview)
        wizard.action_import()
        tier = self.env["crm.value.tier"].search([("company_id", "=", self.other.id), ("name", "=", "Ruby")])
        self.assertEqual(tier.criterion_ids.mapped("metric"), ["purchase_count"])
        self.assertEqual(tier.benefit_ids.mapped("benefit_type"), ["pricelist"])
        self.assertEqual(tier.grace_days, 40)

    def test_records_of_the_data_are_found_by_their_xml_id(self):
        gold = self.env.ref("crm_value_addon.tier_gold")
        data = self.exported()
        gold.name = "Renamed here"
        self.wizard(self.company, data).action_import()
        self.assertEqual(gold.name, "Gold")

    def test_what_is_missing_is_named_and_nothing_is_written(self):
        data = self.exported()
        self.pricelist.name = "Called otherwise there"
        self.pricelist.flush_recordset()
        wizard = self.wizard(self.other, data)
        for action in (wizard.action_check, wizard.action_import):
            with self.assertRaisesRegex(UserError, "there is no “Only for members” here"):
                action()
        self.assertFalse(self.env["crm.value.tier"].search([("company_id", "=", self.other.id)]))
        self.assertEqual(self.other.value_horizon_months, 36)
        self.env["product.pricelist"].create([{"name": "Only for members", "sequence": 99, "company_id": False}] * 2)
        with self.assertRaisesRegex(UserError, "several are called “Only for members”"):
            wizard.action_import()

    def test_thresholds_that_all_move_at_once(self):
        """Raised one by one, a tier would pass the one above it on the way."""
        tiers = self.env["crm.value.tier"].search([("company_id", "=", False), ("scheme", "=", "standard")])
        lines = tiers.criterion_ids.filtered(lambda line: line.metric == "revenue_12m").sorted("enter_min")
        self.assertGreater(len(lines), 1)
        data = self.exported()
        for record in data["records"]:
            if record["model"] == "crm.value.tier.criterion" and record["values"]["metric"] == "revenue_12m":
                record["values"]["enter_min"] *= 1000
                record["values"]["keep_min"] *= 1000
        before = lines.mapped("enter_min")
        self.wizard(self.company, data).action_import()
        after = tiers.criterion_ids.filtered(lambda line: line.metric == "revenue_12m").sorted("enter_min")
        self.assertEqual(after.mapped("enter_min"), [1000 * amount for amount in before])

    def test_bad_files_are_refused_with_a_sentence(self):
        good = self.exported()
        for data, sentence in [
            (b"no json", "not JSON"),
            (b"\xff\xfe", "not JSON"),
            (b'{"version": NaN}', "not JSON"),
            (b"[" * 100000, "JSON"),
            ([], "no configuration file"),
            ({"format": "x"}, "no configuration file"),
            (good | {"version": 2}, "version 2"),
            (good | {"version": None}, "version None"),
            (good | {"settings": None}, "damaged"),
            (good | {"records": [{"model": "res.users", "values": {}}]}, "damaged"),
            (good | {"records": [1]}, "damaged"),
            (good | {"settings": {"name": "Hacked"}}, "not known here"),
            (good | {"settings": {"value_horizon_months": "many"}}, "no possible value"),
            (good | {"settings": {"value_horizon_months": True}}, "no possible value"),
            (good | {"settings": {"value_horizon_months": 0}}, "between 1 and 240"),
            (good | {"settings": {"value_basis": "profit"}}, "no possible value"),
        ]:
            with self.subTest(sentence=sentence), self.assertRaisesRegex(UserError, sentence):
                self.wizard(self.other, data).action_import()
        with self.assertRaisesRegex(UserError, "Choose a file"):
            self.wizard(self.other).action_check()

    def test_bad_values_of_records(self):
        good = self.exported()
        [ruby] = [record for record in good["records"] if record["values"].get("name", {}) == {"en_US": "Ruby"}]
        for values, sentence in [
            ({"grace_days": "12"}, "no possible value"),
            ({"downgrade_policy": "whenever"}, "no possible value"),
            ({"write_uid": 1}, "not known here"),
            ({"name": False}, "Name is missing"),
            ({"company_id": 1}, "not known here"),
            ({"partner_domain": "[('nonsense', '=', 1)]"}, "cannot be used"),
        ]:
            changed = ruby | {"values": ruby["values"] | values}
            broken = good | {"records": [changed if record is ruby else record for record in good["records"]]}
            with self.subTest(values=values), self.assertRaisesRegex(UserError, sentence):
                self.wizard(self.other, broken).action_import()
            self.assertFalse(self.env["crm.value.tier"].search([("company_id", "=", self.other.id)]))
        # what the database itself refuses, Odoo tells
        changed = ruby | {"values": ruby["values"] | {"grace_days": -3}}
        broken = good | {"records": [changed if record is ruby else record for record in good["records"]]}
        with self.assertRaises(psycopg2.IntegrityError), mute_logger("odoo.sql_db"):
            self.wizard(self.other, broken).action_import()
        self.assertEqual(self.other.value_horizon_months, 36)

    def test_who_may(self):
        manager, seller = (
            new_test_user(
                self.env,
                f"configuration_{name}",
                groups=group,
                company_id=self.company.id,
                company_ids=self.company.ids,
            )
            for name, group in [
                ("manager", "sales_team.group_sale_manager"),
                ("seller", "sales_team.group_sale_salesman"),
            ]
        )
        with self.assertRaises(AccessError):
            self.wizard(user=seller)
        data = self.exported()
        self.tier.grace_days = 99
        wizard = self.wizard(data=data, user=manager)
        wizard.action_export()
        wizard.action_import()
        self.assertEqual(self.tier.grace_days, 12)
        data["settings"]["value_horizon_months"] = 48
        with self.assertRaisesRegex(UserError, "only an administrator"):
            self.wizard(data=data, user=manager).action_import()
        foreign = self.wizard(self.other, data).with_user(manager).with_context(allowed_company_ids=self.company.ids)
        with self.assertRaises(AccessError):
            foreign.action_check()

    def test_a_branch_has_the_tiers_of_its_parent(self):
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.company.id})
        self.env["crm.value.tier"].create({"name": "Own", "company_id": branch.id, "sequence": 901})
        data = self.exported(branch)
        names = {record["values"]["name"]["en_US"] for record in data["records"] if record["model"] == "crm.value.tier"}
        self.assertLessEqual({"Ruby", "Own"}, names)
        metrics = [record for record in data["records"] if record["model"] == "crm.value.tier.criterion"]
        self.assertIn(1234567.25, [record["values"]["enter_min"] for record in metrics])
        tiers = self.env["crm.value.tier"].with_context(active_test=False)
        before = tiers.search([]).ids
        self.wizard(branch, data).action_import()
        self.assertEqual(tiers.search([]).ids, before, "what the branch uses already is found")
        self.wizard(self.other, data).action_import()
        self.assertLessEqual({"Ruby", "Own"}, set(tiers.search([("company_id", "=", self.other.id)]).mapped("name")))

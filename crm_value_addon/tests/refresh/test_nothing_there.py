from freezegun import freeze_time

from odoo.exceptions import MissingError, ValidationError
from odoo.tools import mute_logger

from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestNothingThere(ValueCase):
    """Asked about what is not there, the answer is a sentence or an empty page, never an error of the program."""

    def test_a_contact_without_a_value(self):
        contact = self.customer("Stranger")
        for method in (contact.action_open_value_purchases, contact.action_open_value_overdue):
            answer = method()
            self.assertEqual(answer["tag"], "display_notification")
            self.assertIn("Stranger has no posted invoice", answer["params"]["message"])

    def test_the_preview_of_no_rule(self):
        self.assertFalse(self.env["crm.value.followup.preview"].new({}).preview)

    def test_ending_what_was_never_said(self):
        self.env["crm.value.caution.override"].browse([0]).action_end()

    def test_the_purchases_of_no_record(self):
        with self.assertRaises(MissingError):
            self.env["crm.value"].browse([None]).action_open_purchases()

    def test_a_figure_that_is_none(self):
        tier = self.env["crm.value.tier"].create({"name": "Tried", "company_id": self.company.id})
        simulation = self.env["crm.value.tier.simulation"].create({})
        for name in ("7", "clv; --", "partner_id"):
            for model, vals in (
                ("crm.value.tier.criterion", {"tier_id": tier.id}),
                ("crm.value.tier.simulation.criterion", {"tier_id": tier.id, "simulation_id": simulation.id}),
            ):
                with self.assertRaisesRegex(ValidationError, "no metric"):
                    self.env[model].create({**vals, "metric": name, "enter_min": 1})
            with self.assertRaisesRegex(ValidationError, "no metric"):
                simulation.proposal_metric = name

    def test_a_simulation_and_an_order_that_are_none(self):
        with self.assertRaises(MissingError):
            self.env["crm.value.tier.simulation"].browse([0]).preview_step()
        self.assertTrue(self.env["sale.order"].browse([0]).action_update_benefits())

    def test_a_backtest_that_was_not_run(self):
        for result in (False, {}, ["x", [1]], {"customers": 1}):
            wizard = self.env["crm.value.backtest"].new({"result": result})
            self.assertFalse(wizard.summary)
            self.assertFalse(wizard.chart_value["series"][0]["values"])

    def test_the_fields_of_what_others_inherit(self):
        self.assertIn("value_id", self.env["crm.value.mixin"].fields_get())

    @mute_logger("odoo.sql_db")
    def test_a_condition_that_is_none(self):
        """Refused when it is saved, in words: not by the next refresh, and not by an address in memory."""
        tier = self.env["crm.value.tier"].create({"name": "Tried", "company_id": self.company.id})
        rule = self.env["crm.value.followup.rule"].search([], limit=1)
        for record, field in ((tier, "partner_domain"), (rule, "domain")):
            for text in ("NaN", "[(", "7", "[('create_date', '>', 'soon')]", "[('no_such', '=', 1)]", "[('id', '=', 1"):
                with self.assertRaises(ValidationError) as refused:
                    record[field] = text
                self.assertNotIn(" object at 0x", str(refused.exception))
                self.assertNotIn("\n", str(refused.exception).strip())

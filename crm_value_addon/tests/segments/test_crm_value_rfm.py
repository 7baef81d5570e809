import random
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestCrmValueRfm(ValueCase):
    def base(self, count=10):
        """Return customers of whom each bought more recently, more often and for more than the one before."""
        partners = self.env["res.partner"]
        for number in range(1, count + 1):
            partners += self.customer(f"Customer {number}")
            for purchase in range(number):
                self.invoice(partners[-1], TODAY - timedelta(days=100 * (count - number) + purchase), 10 * number)
        return partners

    def scores(self, partners):
        return [self.value(partner).rfm_score for partner in partners]

    def test_quintiles(self):
        partners = self.base()
        self.refresh()
        self.assertEqual(self.scores(partners), [111, 111, 222, 222, 333, 333, 444, 444, 555, 555])
        self.assertEqual(self.value(partners[-1]).rfm_segment, self.env.ref("crm_value_addon.rfm_segment_champions"))
        self.assertEqual(self.value(partners[0]).rfm_segment, self.env.ref("crm_value_addon.rfm_segment_lost"))

    def test_segments_of_the_data_hold_every_combination(self):
        segments = self.env["crm.value.rfm.segment"].search([])
        self.assertEqual(len(segments), 11)
        table = segments._segment_of_scores()[1:, 1:, 1:]
        self.assertTrue(table.all())
        self.assertEqual(sum(segments.mapped("combination_count")), 125)
        self.assertTrue(all(segments.mapped("combination_count")))

    def test_first_segment_takes_the_combination(self):
        partners = self.base()
        everybody = self.env["crm.value.rfm.segment"].create({"name": "Everybody", "sequence": 1})
        self.refresh()
        self.assertEqual(self.value(partners[3]).rfm_segment, everybody)
        self.assertEqual(everybody.combination_count, 125)
        self.assertEqual(self.env.ref("crm_value_addon.rfm_segment_champions").combination_count, 0)
        everybody.r_from = 4
        self.refresh()
        self.assertNotEqual(self.value(partners[3]).rfm_segment, everybody)
        self.assertEqual(self.value(partners[9]).rfm_segment, everybody)

    def test_spans_are_checked(self):
        for vals in ({"r_from": 0}, {"f_to": 6}, {"m_from": 4, "m_to": 3}):
            with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                self.env["crm.value.rfm.segment"].create({"name": "Wrong", **vals})

    def test_a_changed_table_places_everybody_anew(self):
        self.base(2)
        self.refresh()
        self.env.ref("crm_value_addon.rfm_segment_new").f_to = 2
        asked = self.env["crm.value.run"].search([("state", "=", "queued"), ("kind", "=", "full")])
        self.assertIn(self.company, asked.company_id)

    def test_ties_share_the_lower_score(self):
        partners = self.env["res.partner"]
        for number in range(6):
            partners += self.customer(f"Same {number}")
            self.invoice(partners[-1], "2025-06-01", 10)
        self.refresh()
        self.assertEqual(self.scores(partners), [111] * 6)

    def test_alone_and_never_bought(self):
        customer, stranger = self.customer(), self.customer("Stranger")
        self.env["sale.order"].create({"partner_id": stranger.id})
        self.invoice(customer, "2025-06-01", 10)
        self.refresh()
        self.assertEqual(self.scores(customer + stranger), [111, 0])
        self.assertFalse(self.value(stranger).rfm_segment)

    def test_alone_as_among_all(self):
        dice = random.Random(7)
        partners = self.base()
        self.refresh()
        for partner in dice.sample(list(partners), 4):
            self.invoice(partner, "2025-06-29", dice.randint(1, 500))
        boundaries = self.env["crm.value.run"]._last_boundaries(self.company)
        # two days later, before the nightly refresh
        with freeze_time(TODAY + timedelta(days=2)):
            self.refresh(partners)
            alone = self.scores(partners)
            with patch.object(type(self.Refresh), "_boundaries", lambda model, basis, columns: boundaries):
                self.refresh()
        self.assertEqual(self.scores(partners), alone)
        self.assertEqual(boundaries["rfm"].keys(), {"today", "recency", "frequency", "monetary"})

    def test_a_night_without_purchases_changes_nothing(self):
        partners = self.base()
        self.refresh()
        before = self.scores(partners)
        with freeze_time(TODAY + timedelta(days=40)):
            self.refresh()
        self.assertEqual(self.scores(partners), before)

    def test_rights_and_contacts(self):
        partners = self.base(5)
        self.refresh()
        company = {"company_id": self.company.id, "company_ids": [Command.set(self.company.ids)]}
        seller = new_test_user(self.env, "seller", "sales_team.group_sale_salesman", **company)
        portal = new_test_user(self.env, "curious", "base.group_portal", **company)
        champions = self.env.ref("crm_value_addon.rfm_segment_champions")
        Partner = self.env["res.partner"].with_user(seller)
        self.assertEqual(Partner.search([("rfm_segment", "=", champions.id), ("id", "in", partners.ids)]), partners[3:])
        groups = Partner._read_group([("id", "in", partners.ids)], ["rfm_segment"], ["__count"])
        self.assertEqual(dict(groups)[champions], 2)
        self.assertEqual(champions.with_user(seller).name, "Champions")
        with self.assertRaises(AccessError):
            champions.with_user(seller).write({"name": "Mine"})
        with self.assertRaises(AccessError):
            champions.with_user(portal).read(["name"])

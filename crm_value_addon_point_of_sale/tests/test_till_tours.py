from datetime import date, timedelta

from odoo import Command
from odoo.tests import HttpCase, new_test_user, no_retry

from .common import TillCase


class TestTillTours(TillCase, HttpCase):
    """A till in a browser: a member of Top, a customer whom the sale brings there, and a stranger."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cashier = new_test_user(
            cls.env,
            "till_cashier",
            "base.group_user,point_of_sale.group_pos_user,product.group_product_pricelist",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )
        others = cls.env["product.template"].search([("available_in_pos", "=", True)]) - cls.product.product_tmpl_id
        others.available_in_pos = False
        cls.benefit("pricelist", pricelist_id=cls.vip.id)
        cls.benefit("points_multiplier", points_factor=2)
        cls.benefit("program", program_id=cls.program(name="Club").id)
        with_code = cls.program(
            "promo_code", name="Code", rule_ids=[Command.create({"mode": "with_code", "code": "TILLTOP"})]
        )
        cls.benefit("program", program_id=with_code.id)
        cls.card = cls.program("loyalty", name="Card")
        cls.card.rule_ids.write({"reward_point_mode": "money", "reward_point_amount": 1})
        cls.member, cls.rising, cls.stranger = (
            cls.customer(f"Till {name}") for name in ("Member", "Rising", "Stranger")
        )
        day = date.today() - timedelta(days=30)
        cls.invoice(cls.member, day, 6000)
        cls.invoice(cls.rising, day, 4950)
        cls.refresh()

    def tour(self, name):
        self.start_tour(f"/pos/ui/{self.till.id}", name, login="till_cashier", timeout=180)
        self.env.invalidate_all()
        return self.env["pos.order"].search([("config_id", "=", self.till.id), ("state", "=", "paid")], order="id")

    @no_retry
    def test_member_and_stranger(self):
        rising, member = self.tour("crm_value_till_tier")
        self.assertEqual((rising.partner_id, rising.amount_total), (self.rising, 100))
        self.assertEqual((member.partner_id, member.amount_total), (self.member, 81))
        self.assertEqual((rising.value_tier_id, member.value_tier_id), (self.mid, self.top))
        self.assertEqual(member.pricelist_id, self.vip)
        history = self.env["loyalty.history"].search([("order_model", "=", "pos.order"), ("order_id", "=", member.id)])
        self.assertRecordValues(history, [{"issued": 162, "value_tier_id": self.top.id, "value_extra_points": 81}])
        self.refresh(self.rising)
        self.assertEqual(self.value(self.rising).tier_id, self.top, "the till told the truth")
        refund = self.tour("crm_value_till_refund") - rising - member
        self.assertEqual((refund.refunded_order_id, refund.partner_id), (member, self.member))
        self.refresh(self.member)
        self.assertEqual(self.value(self.member).refund_total, -refund.lines[0].price_unit * refund.lines[0].qty)

    @no_retry
    def test_without_a_connection(self):
        self.card.active = False  # without a connection, Odoo reads no cards and applies no rewards after them
        order = self.tour("crm_value_till_offline")
        self.assertRecordValues(
            order, [{"partner_id": self.member.id, "amount_total": 81, "value_tier_id": self.top.id}]
        )

from freezegun import freeze_time

from odoo import Command
from odoo.tests import Form

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestPromisedBenefits(BenefitCase):
    """A quotation keeps what it was promised for its customer, and gives none of it to another one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.term = cls.env.ref("account.account_payment_term_30days")
        cls.pricelist_benefit = cls.benefit("pricelist", pricelist_id=cls.vip.id)
        cls.benefit("payment_term", payment_term_id=cls.term.id)
        cls.program_benefit = cls.benefit("program", program_id=cls.program().id)

    def sent(self, customer):
        """Return a sent quotation of ten pieces for 90, less 10 % by the program: 810."""
        order = self.claim(self.order(customer, 10))
        self.assertEqual(order.amount_untaxed, 810)
        order.action_quotation_sent()
        return order

    def claim(self, order):
        order._update_programs_and_rewards()
        for coupon, rewards in order._get_claimable_rewards().items():
            order._apply_program_reward(rewards, coupon)
        return order

    def assert_of_nobody(self, order):
        self.assertRecordValues(
            order,
            [
                {
                    "value_tier_id": False,
                    "pricelist_id": self.public.id,
                    "payment_term_id": False,
                    "amount_untaxed": 1000.0,
                    "value_benefit_cost": 0.0,
                }
            ],
        )

    def assert_kept(self, order):
        self.assertRecordValues(
            order,
            [
                {
                    "value_tier_id": self.top.id,
                    "pricelist_id": self.vip.id,
                    "payment_term_id": self.term.id,
                    "amount_untaxed": 810.0,
                    "value_benefit_cost": 190.0,
                }
            ],
        )

    # another customer

    def test_another_customer(self):
        vip, other = self.bought(5000), self.customer("Other")
        draft = self.claim(self.order(vip, 10))
        cancelled = self.sent(vip)
        cancelled._action_cancel()
        for order in (self.sent(vip), draft, cancelled):
            with self.subTest(state=order.state):
                order.partner_id = other
                self.assert_of_nobody(order)
        draft.action_confirm()
        self.assert_of_nobody(draft)

    def test_another_customer_of_another_tier(self):
        better = self.make_pricelist("Mid", 5)
        self.benefit("pricelist", self.mid, pricelist_id=better.id)
        order = self.sent(self.bought(5000))
        order.partner_id = self.bought(1000, name="Mid")
        self.assertRecordValues(
            order, [{"value_tier_id": self.mid.id, "pricelist_id": better.id, "amount_untaxed": 950.0}]
        )

    def test_a_tier_comes_with_the_customer(self):
        order = self.order(self.customer("Other"), 10)
        order.action_quotation_sent()
        order.partner_id = self.bought(5000)
        self.assertRecordValues(order, [{"value_tier_id": self.top.id, "amount_untaxed": 900.0}])

    def test_a_contact_of_the_same_customer(self):
        vip = self.bought(5000)
        child = self.customer("Child", parent_id=vip.id)
        sent, draft = self.sent(vip), self.claim(self.order(vip, 10))
        self.lose_tier(vip)
        (sent | draft).partner_id = child
        self.assert_kept(sent)
        self.assertEqual(draft.value_tier_id, self.top)
        with Form(draft) as form:
            form.partner_id = vip
            self.assertIn("keeps the benefits of Top", form.value_notice)
        self.assertEqual(draft.value_tier_id, self.top)

    def test_prices_typed_with_the_new_customer(self):
        order = self.order(self.bought(5000), 10)
        order.action_quotation_sent()
        order.write(
            {
                "order_line": [Command.update(order.order_line.id, {"price_unit": 42})],
                "partner_id": self.customer("Other").id,
            }
        )
        self.assertRecordValues(order, [{"value_tier_id": False, "amount_untaxed": 420.0}])

    def test_a_pricelist_that_a_person_chose(self):
        own = self.make_pricelist("Own", 3)
        order = self.order(self.bought(5000), 10, pricelist_id=own.id)
        order.action_quotation_sent()
        order.partner_id = self.customer("Other")
        self.assertRecordValues(order, [{"value_tier_id": False, "pricelist_id": own.id, "amount_untaxed": 970.0}])

    def test_without_tiers_as_in_odoo(self):
        order = self.order(self.customer("One"), 10)
        order.order_line.price_unit = 42
        order.partner_id = self.customer("Other")
        self.assertEqual(order.amount_untaxed, 420)

    # out of use

    def test_tier_out_of_use(self):
        vip = self.bought(5000)
        sent, signed, draft = self.sent(vip), self.sent(vip), self.claim(self.order(vip, 10))
        signed.signed_by = "Somebody"
        self.top.active = False
        new = self.claim(self.order(vip, 10))
        self.assertRecordValues(new, [{"amount_untaxed": 1000.0, "payment_term_id": False}])
        for order in (sent, signed, draft):
            order.invalidate_recordset()
            order._update_programs_and_rewards()
            order.action_confirm()
            self.assert_kept(order)

    def test_another_set_of_tiers(self):
        vip = self.bought(5000)
        sent = self.sent(vip)
        gold = self.tier("Gold", 10, 10, scheme="pyramid", active=False)
        simulation = self.env["crm.value.tier.simulation"].with_company(self.company).create({"scheme": "pyramid"})
        simulation.line_ids.filtered(lambda line: line.tier_id and line.tier_id != gold).is_used = False
        simulation.line_ids.filtered(lambda line: line.tier_id == gold).is_used = True
        simulation.action_preview()
        self.assertIn("Pricelist VIP", simulation.lost_benefits)
        simulation.action_apply()
        self.assertEqual(self.value(vip).tier_id, gold)
        self.assertFalse(self.top.active)
        sent.invalidate_recordset()
        sent.action_confirm()
        self.assert_kept(sent)
        self.assertEqual(self.order(vip, 10).amount_untaxed, 1000)

    def test_benefit_out_of_use(self):
        vip = self.bought(5000)
        sent = self.sent(vip)
        (self.program_benefit | self.pricelist_benefit).active = False
        self.assertRecordValues(
            self.claim(self.order(vip, 10)), [{"value_tier_id": self.top.id, "amount_untaxed": 1000.0}]
        )
        sent.order_line.filtered(lambda line: not line.reward_id).product_uom_qty = 20
        sent.action_confirm()
        self.assertEqual(sent.amount_untaxed, 1620)

    def test_update_takes_what_is_in_use(self):
        sent = self.sent(self.bought(5000))
        (self.program_benefit | self.pricelist_benefit).active = False
        sent.action_update_benefits()
        self.assertRecordValues(sent, [{"value_tier_id": self.top.id, "amount_untaxed": 1000.0}])

    def test_a_benefit_of_later(self):
        order = self.order(self.bought(5000))
        order.action_quotation_sent()
        self.benefit("note", note="Call first")
        self.assertIn("Call first", order.value_summary)

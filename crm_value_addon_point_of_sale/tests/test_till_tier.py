import json
from datetime import date, timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user

from .common import TillCase


@freeze_time(TODAY)
class TestTillTier(TillCase):
    """Low from 100, Mid from 1000, Top from 5000 of the last 12 months; benefits come from Top."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cashier = new_test_user(
            cls.env,
            "cashier",
            "base.group_user,point_of_sale.group_pos_user",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )

    def told(self, partner):
        """Return what a till is told of a contact, without the moment."""
        config = self.till.with_user(self.cashier)
        [record] = (
            self.env["res.partner"].with_user(self.cashier)._load_pos_data_read(partner.with_user(self.cashier), config)
        )
        told = record["value_till"]
        return told and [told[0], told[1], told[3]]

    def tiers(self):
        return self.env["crm.value.till.tier"].with_user(self.cashier)._describe_tiers(self.till)

    def reward_line(self, program, amount=-10.0):
        reward = program.reward_ids[:1]
        return (
            1,
            amount,
            {
                "product_id": reward.discount_line_product_id.id,
                "reward_id": reward.id,
                "is_reward_line": True,
                "reward_identifier_code": "abc",
            },
        )

    # what a till is told

    def test_what_is_missing(self):
        customer = self.bought(1200)
        self.assertEqual(self.told(customer), [self.mid.id, 0, [3800]])
        self.assertEqual(self.told(self.bought(40, name="Small")), [0, 0, [60, 960, 4960]])
        self.assertEqual(self.told(self.bought(7000, name="Best")), [self.top.id, 0, []])
        self.assertFalse(self.told(self.customer("New")))
        self.assertEqual([tier["gap"] for tier in self.tiers()["tiers"]], [100, 1000, 5000])

    def test_a_contact_is_told_of_its_company(self):
        company = self.bought(1200)
        self.assertEqual(self.told(self.customer("Person", parent_id=company.id))[0], self.mid.id)

    def test_no_figure_that_a_customer_may_not_know(self):
        self.top.criterion_ids = [Command.create({"metric": "margin_total", "enter_min": 1, "keep_min": 1})]
        self.assertEqual(self.told(self.bought(1200)), [self.mid.id, 0, [0]])
        self.assertEqual([tier["gap"] for tier in self.tiers()["tiers"]], [100, 1000, 0])
        told = json.dumps([self.tiers(), self.told(self.customer("Other"))])
        for secret in ("margin", "clv", "probability"):
            self.assertNotIn(secret, told)

    def test_caution_pause_lock_and_opt_out(self):
        customer = self.bought(1200)
        self.company.value_pause_caution = True
        self.env["crm.value.caution.override"].create(
            {"value_id": self.value(customer).id, "reason": "Careful", "caution": True}
        )
        self.refresh(customer)
        self.assertTrue(self.value(customer).caution)
        self.assertEqual(self.told(customer)[1], 3)
        locked = self.bought(1200, name="Locked")
        self.env["crm.value.tier.lock"].create(
            {"value_id": self.value(locked).id, "tier_id": self.low.id, "reason": "So"}
        )
        self.refresh(locked)
        self.assertEqual(self.told(locked), [self.low.id, 0, []])
        objecting = self.bought(1200, name="Objecting")
        objecting.value_opt_out = True
        self.assertEqual(self.told(objecting), [0, 0, []])

    def test_bytes_and_queries(self):
        customers = self.env["res.partner"].browse()
        for number in range(20):
            customers |= self.customer(f"Customer {number}")
        for number, customer in enumerate(customers):
            self.invoice(customer, "2025-06-01", 50 + number % 3 * 900)
        self.refresh()
        sizes = [len(f'"value_till": {json.dumps(told)}, ') for told in customers.mapped("value_till")]
        self.assertLessEqual(max(sizes), 64)
        # what is read depends on the tier: the first three have bought as differently as all
        _warm, few, many = (
            self.queries_to_read(chosen.with_user(self.cashier), ["value_till"])
            for chosen in (customers, customers[:3], customers)
        )
        self.assertEqual(few, many)

    def test_who_may_read_it(self):
        customer = self.bought(1200)
        portal = new_test_user(self.env, "portal_till", "base.group_portal")
        seller = new_test_user(self.env, "seller_till", "sales_team.group_sale_salesman")
        for user in (portal, seller):
            with self.assertRaises(AccessError):
                customer.with_user(user).read(["value_till"])
        with self.assertRaises(AccessError):
            self.env["crm.value"].with_user(self.cashier).search([])

    def test_two_tills_at_once(self):
        """Each sells a part of what brings the tier; a refresh later both tell it, and one takes back what the other
        sold."""
        other_till = self.make_till("Second", payment_method_ids=[Command.set(self.another_cash().ids)])
        customer = self.customer()
        cash = other_till.payment_method_ids
        first, second = self.sync(
            self.ticket(customer, [(5, 100)], TODAY),
            self.ticket(customer, [(5, 100)], TODAY, till=other_till, payments=[(cash, 500)]),
        )
        self.assertEqual((first.config_id, second.config_id), (self.till, other_till))
        self.assertFalse(self.told(customer), "no till waits for a figure")
        self.refresh(customer)
        self.env.invalidate_all()
        self.assertEqual((self.value(customer).revenue_12m, self.value(customer).tier_id), (1000, self.mid))
        self.assertEqual(self.told(customer)[0], self.mid.id)
        line = {"refunded_orderline_id": second.lines.id}
        self.sell(customer, [(-5, 100, line)], TODAY, is_refund=True)
        self.refresh(customer)
        self.env.invalidate_all()
        self.assertEqual(self.value(customer).revenue_12m, 500)
        self.assertEqual(self.told(customer)[0], self.low.id)

    def test_customers_whose_figures_changed_are_loaded_again(self):
        customer, other = self.bought(1200), self.customer("Other")
        partners = customer | other
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_partner SET write_date = '2025-06-01' WHERE id IN %s", [tuple(partners.ids)])
        self.env.invalidate_all()

        def loaded(day):
            Partner = (
                self.env["res.partner"].with_user(self.cashier).with_context(pos_last_server_date=f"{day} 10:00:00")
            )
            return Partner.search(Partner._server_date_to_domain([("id", "in", partners.ids)]))

        self.assertEqual(loaded("2025-06-20"), customer, "its figures are of today")
        self.env.cr.execute("UPDATE crm_value SET as_of_date = '2025-06-10'")
        self.env.invalidate_all()
        self.assertFalse(loaded("2025-06-20"))

    # pricelists

    def test_pricelists_of_tiers_are_at_the_till(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        self.assertEqual(self.till._get_available_pricelists(), self.public | self.vip)
        self.assertEqual(self.tiers()["pricelists"], self.vip.ids)
        customer, other = self.bought(6000), self.customer("Other")
        read = (
            self.env["res.partner"]
            .with_user(self.cashier)
            ._load_pos_data_read((customer | other).with_user(self.cashier), self.till.with_user(self.cashier))
        )
        self.assertEqual([row["property_product_pricelist"] for row in read], [self.vip.id, self.public.id])
        with self.assertRaisesRegex(ValidationError, "everybody would get it"):
            self.till.write({"available_pricelist_ids": [Command.link(self.vip.id)], "pricelist_id": self.vip.id})

    def test_the_server_refuses_a_pricelist(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        best, other = self.bought(6000), self.customer("Other")
        order = self.sell(best, [(1, 90)], pricelist_id=self.vip.id)
        self.assertEqual((order.state, order.value_tier_id), ("paid", self.top))
        for stranger in (other, None):
            with (
                self.assertRaisesRegex(ValidationError, "VIP .* is for customers of certain tiers only"),
                self.env.cr.savepoint(),
            ):
                self.sell(stranger, [(1, 90)], pricelist_id=self.vip.id)
        other.with_company(self.company).specific_property_product_pricelist = self.vip
        self.assertEqual(self.sell(other, [(1, 90)], pricelist_id=self.vip.id).state, "paid", "chosen by a person")

    # programs

    def test_the_server_refuses_a_program(self):
        program = self.program(name="Club")
        self.benefit("program", program_id=program.id)
        self.assertEqual(self.tiers()["gated"], {program.id: "Top"})
        best, other = self.bought(6000), self.bought(200, name="Other")
        order = self.sell(best, [(1, 100), self.reward_line(program)])
        self.assertEqual((order.state, order.value_tier_id, order.amount_total), ("paid", self.top, 90))
        for stranger in (other, None):
            with self.assertRaisesRegex(ValidationError, r"Club is .*\(Top\)"), self.env.cr.savepoint():
                self.sell(stranger, [(1, 100), self.reward_line(program)])
        self.assertEqual(self.sell(other).value_tier_id, self.low, "what it has is noted")

    def test_a_draft_is_not_refused(self):
        program = self.program()
        self.benefit("program", program_id=program.id)
        ticket = self.ticket(self.customer("Other"), [(1, 100), self.reward_line(program)])
        order = self.sync(dict(ticket, state="draft", payment_ids=[]))
        self.assertEqual(order.state, "draft")

    def test_a_tier_that_was_just_left(self):
        program = self.program()
        self.benefit("program", program_id=program.id)
        customer = self.bought(6000)
        self.lose_tier(customer)
        lines = [(1, 100), self.reward_line(program)]
        order = self.sell(customer, lines, TODAY)
        self.assertEqual((order.state, order.value_tier_id), ("paid", self.top), "the till may have been offline")
        self.value(customer).tier_change_ids.date = TODAY - timedelta(days=30)
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.sell(customer, lines, TODAY)

    def test_a_return_takes_back_as_it_was_granted(self):
        program = self.program()
        self.benefit("program", program_id=program.id)
        customer = self.bought(6000)
        order = self.sell(customer, [(1, 100), self.reward_line(program)])
        self.lose_tier(customer)
        self.value(customer).tier_change_ids.date = TODAY - timedelta(days=30)
        line = order.lines.filtered("reward_id")
        refund = self.sell(
            customer,
            [
                (-1, 100, {"refunded_orderline_id": (order.lines - line).id}),
                (-1, -10, {**self.reward_line(program)[2], "refunded_orderline_id": line.id}),
            ],
            is_refund=True,
        )
        self.assertEqual((refund.state, refund.value_tier_id), ("paid", self.top))

    def test_a_till_does_not_choose_the_tier(self):
        program = self.program()
        self.benefit("program", program_id=program.id)
        customer = self.bought(200)
        order = self.sell(customer, value_tier_id=self.top.id, value_tier_discount=50)
        self.assertEqual((order.value_tier_id, order.value_tier_discount), (self.low, 0))
        with self.assertRaises(AccessError):
            order.with_user(self.cashier).value_tier_id = self.top

    def test_a_coupon_of_a_program_for_a_tier(self):
        program = self.program("coupons", name="Club")
        self.benefit("program", program_id=program.id)
        card = self.env["loyalty.card"].create({"program_id": program.id, "points": 1, "code": "CLUB"})
        best, other = self.bought(6000), self.customer("Other")
        till = self.till.with_user(self.cashier)

        def use(partner):
            return till.use_coupon_code("CLUB", "2025-06-30 10:00:00", partner and partner.id, self.public.id)

        self.assertEqual(use(best)["payload"].get("coupon_id"), card.id)
        for stranger in (other, False):
            self.assertFalse(use(stranger)["successful"])
            self.assertIn("(Top)", use(stranger)["payload"]["error_message"])

    # points and costs

    def loyalty(self):
        program = self.program("loyalty")
        program.rule_ids.write({"reward_point_mode": "money", "reward_point_amount": 1})
        return program

    def confirm(self, order, program, points):
        card = self.env["loyalty.card"].create(
            {"program_id": program.id, "partner_id": order.partner_id.id, "points": 0}
        )
        order.confirm_coupon_programs(
            {str(card.id): {"points": points, "program_id": program.id, "partner_id": order.partner_id.id}}
        )
        return card

    def test_points_and_what_they_cost(self):
        program = self.loyalty()
        self.benefit("points_multiplier", points_factor=3)
        best, other = self.bought(6000), self.bought(200, name="Other")
        order = self.sell(best)
        card = self.confirm(order, program, 300)
        self.assertEqual(card.points, 300)
        self.assertRecordValues(card.history_ids, [{"value_tier_id": self.top.id, "value_extra_points": 200}])
        card = self.confirm(self.sell(other), program, 300)
        self.assertEqual(card.points, 100, "the till asked for more than the tier gives")
        self.assertFalse(card.history_ids.value_tier_id)

    def test_cost_of_tiers(self):
        program = self.program()
        self.benefit("program", program_id=program.id)
        self.benefit("pricelist", pricelist_id=self.vip.id)
        loyalty = self.loyalty()
        self.benefit("points_multiplier", points_factor=2)
        customer = self.bought(6000)
        order = self.sell(customer, [(2, 90), self.reward_line(program, -18)], pricelist_id=self.vip.id)
        self.confirm(order, loyalty, 300)
        self.refresh(customer)
        self.assertEqual(order.value_tier_discount, 20 + 18)
        self.env.flush_all()
        cost = self.env["crm.value.tier.cost"].search([("partner_id", "=", customer.id)])
        worth = order.env["loyalty.history"].search([("order_model", "=", "pos.order"), ("order_id", "=", order.id)])
        self.assertRecordValues(
            cost,
            [
                {
                    "tier_id": self.top.id,
                    "month": date(2025, 6, 1),
                    "order_count": 1,
                    "discount": 38,
                    "points": worth.value_extra_amount,
                }
            ],
        )
        self.assertGreater(worth.value_extra_points, 0)

    def test_nothing_without_benefits(self):
        self.assertFalse(self.sell(self.bought(6000)).value_tier_id)

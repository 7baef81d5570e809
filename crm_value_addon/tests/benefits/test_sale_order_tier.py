from datetime import timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestSaleOrderTier(BenefitCase):
    """Each benefit, from the posted invoice to the order, and until a credit note; a sent quotation keeps it."""

    def test_pricelist(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.customer("Customer")
        self.assertEqual(self.order(customer, 10).amount_untaxed, 1000)
        customer = self.bought(5000.01)
        sent = self.order(customer, 10)
        self.assertRecordValues(
            sent,
            [
                {
                    "value_tier_id": self.top.id,
                    "pricelist_id": self.vip.id,
                    "amount_untaxed": 900.0,
                    "value_benefit_cost": 100.0,
                }
            ],
        )
        sent.action_quotation_sent()
        self.lose_tier(customer)
        self.assertRecordValues(
            self.order(customer, 10),
            [
                {
                    "value_tier_id": False,
                    "pricelist_id": self.public.id,
                    "amount_untaxed": 1000.0,
                    "value_benefit_cost": 0.0,
                }
            ],
        )
        sent.order_line = [Command.create({"product_id": self.product.id, "product_uom_qty": 1})]
        sent.action_confirm()
        self.assertRecordValues(
            sent, [{"value_tier_id": self.top.id, "pricelist_id": self.vip.id, "amount_untaxed": 990.0}]
        )

    def test_nothing_is_written_on_the_contact(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.bought(5000)
        child = self.customer("Child", parent_id=customer.id)
        self.assertEqual(customer.property_product_pricelist, self.vip)
        self.assertEqual(child.property_product_pricelist, self.vip)
        self.assertFalse(customer.specific_property_product_pricelist)
        customer.property_product_pricelist = customer.property_product_pricelist
        child.property_product_pricelist = self.vip
        self.assertFalse((customer | child).specific_property_product_pricelist)
        self.assertEqual(customer.property_product_pricelist, self.vip)

    def test_manual_pricelist_wins(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.bought(5000)
        customer.property_product_pricelist = self.public
        self.assertEqual(customer.specific_property_product_pricelist, self.public, "even if everybody has it")
        self.assertEqual(self.order(customer).pricelist_id, self.public)
        customer.property_product_pricelist = False
        self.assertEqual(self.order(customer).pricelist_id, self.vip)
        own = self.make_pricelist("Own", 3)
        customer.property_product_pricelist = own
        order = self.order(customer, 10)
        self.assertRecordValues(order, [{"pricelist_id": own.id, "amount_untaxed": 970.0, "value_benefit_cost": 0.0}])

    def test_contact_of_a_customer(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.bought(5000)
        child = self.customer("Child", parent_id=customer.id)
        self.assertRecordValues(self.order(child), [{"value_tier_id": self.top.id, "pricelist_id": self.vip.id}])

    def test_payment_term(self):
        term = self.env.ref("account.account_payment_term_30days")
        own = self.env.ref("account.account_payment_term_15days")
        self.benefit("payment_term", payment_term_id=term.id)
        customer = self.bought(5000)
        sent = self.order(customer)
        self.assertEqual(sent.payment_term_id, term)
        sent.action_quotation_sent()
        customer.property_payment_term_id = own
        self.assertEqual(self.order(customer).payment_term_id, own, "set manually")
        customer.property_payment_term_id = False
        self.lose_tier(customer)
        self.assertFalse(self.order(customer).payment_term_id)
        self.assertEqual(sent.payment_term_id, term)

    def test_manager(self):
        manager = new_test_user(
            self.env,
            "manager",
            groups="sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        own = new_test_user(self.env, "own", groups="sales_team.group_sale_salesman")
        self.benefit("manager", user_id=manager.id)
        customer = self.bought(5000)
        sent = self.order(customer)
        self.assertEqual(sent.user_id, manager)
        customer.user_id = own
        self.assertEqual(self.order(customer).user_id, own)
        customer.user_id = False
        self.lose_tier(customer)
        self.assertNotEqual(self.order(customer).user_id, manager)
        self.assertEqual(sent.user_id, manager)

    def test_note_and_validity(self):
        self.benefit("note", note="Call before delivery")
        self.benefit("pricelist", pricelist_id=self.vip.id, date_to=TODAY)
        customer = self.bought(5000)
        sent = self.order(customer)
        self.assertIn("Call before delivery", sent.value_summary)
        sent.action_quotation_sent()
        with freeze_time(TODAY + timedelta(days=1)):
            self.assertEqual(self.order(customer).pricelist_id, self.public)
            sent.order_line = [Command.create({"product_id": self.product.id})]
            self.assertEqual(sent.amount_untaxed, 180)
        self.lose_tier(customer)
        self.assertNotIn("Call before delivery", self.order(customer).value_summary)
        self.assertIn("Call before delivery", sent.value_summary)

    def test_writing_the_same_customer_changes_nothing(self):
        customer = self.bought(5000)
        order = self.order(customer)
        self.lose_tier(customer)
        order.write({"partner_id": customer.id, "company_id": self.company.id, "client_order_ref": "x"})
        self.assertEqual(order.value_tier_id, self.top)

    def test_form(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        vip = self.bought(5000)
        with Form(self.env["sale.order"].with_company(self.company)) as form:
            form.partner_id = vip
            self.assertEqual(form.pricelist_id, self.vip)
            with form.order_line.new() as line:
                line.product_id = self.product
                line.product_uom_qty = 10
            self.assertEqual(form.amount_untaxed, 900)
            self.assertIn("100.00", form.value_summary, "the cost of the benefits, while lines change")
        self.assertRecordValues(form.record, [{"value_tier_id": self.top.id, "value_benefit_cost": 100.0}])

    def test_saved_order_in_its_form(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.bought(5000)
        draft, sent = self.order(customer, 10), self.order(customer, 10)
        sent.action_quotation_sent()
        self.lose_tier(customer)
        for order in (draft, sent):
            with Form(order) as form:
                with form.order_line.new() as line:
                    line.product_id = self.product
                self.assertEqual(form.amount_untaxed, 990)
                self.assertIn("Benefits of Top", form.value_summary)
                self.assertIn("110.00", form.value_summary)
                self.assertIn("no longer has a tier", form.value_notice)
            self.assertRecordValues(order, [{"value_tier_id": self.top.id, "amount_untaxed": 990.0}])

    def test_tier_preview_on_the_form(self):
        order = self.order(self.bought(600), 3, name="Near")
        self.assertIn("100.00 more and the customer is Mid", order.value_summary)
        order.order_line.product_uom_qty = 5
        self.assertIn("makes the customer <b>Mid</b>", order.value_summary)
        self.assertIn("3,900.00 more and the customer is Top", order.value_summary)
        stranger = self.order(self.customer("Stranger"), 1)
        self.assertIn("makes the customer <b>Low</b>", stranger.value_summary)
        order.action_confirm()
        move = order._create_invoices()
        move.action_post()
        self.refresh(order.partner_id)
        order.invalidate_recordset()
        self.assertNotIn("makes the customer", order.value_summary, "it is in the figures now")
        self.assertEqual(self.value(order.partner_id).tier_id, self.mid)

    def test_rising_tier_gives_nothing_silently(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        term = self.env.ref("account.account_payment_term_30days")
        self.benefit("payment_term", payment_term_id=term.id)
        customer = self.customer("Customer")
        sent = self.order(customer, 10)
        sent.action_quotation_sent()
        self.assertFalse(sent.value_notice)
        self.invoice(customer, "2025-06-01", 6000)
        self.refresh()
        sent.invalidate_recordset()
        self.assertIn("is Top now", sent.value_notice)
        sent.order_line = [Command.create({"product_id": self.product.id})]
        self.assertRecordValues(sent, [{"value_tier_id": False, "amount_untaxed": 1100.0}])
        sent.action_update_benefits()
        self.assertRecordValues(
            sent,
            [
                {
                    "value_tier_id": self.top.id,
                    "pricelist_id": self.vip.id,
                    "payment_term_id": term.id,
                    "amount_untaxed": 990.0,
                    "value_notice": False,
                    "state": "sent",
                }
            ],
        )

    def test_update_after_a_loss(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.bought(5000)
        order = self.order(customer, 10)
        self.lose_tier(customer)
        order.invalidate_recordset()
        self.assertIn("no longer has a tier", order.value_notice)
        order.action_update_benefits()
        self.assertRecordValues(
            order, [{"value_tier_id": False, "pricelist_id": self.public.id, "amount_untaxed": 1000.0}]
        )

    def test_update_keeps_manual_choices(self):
        own = self.make_pricelist("Own", 3)
        customer = self.bought(5000)
        order = self.order(customer, 10, pricelist_id=own.id)
        self.lose_tier(customer)
        order.action_update_benefits()
        self.assertRecordValues(order, [{"value_tier_id": False, "pricelist_id": own.id, "amount_untaxed": 970.0}])

    def test_copy_takes_the_present_tier(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.bought(5000)
        order = self.order(customer, 10)
        self.assertEqual(order.copy().amount_untaxed, 900)
        order.action_confirm()
        self.lose_tier(customer)
        self.assertRecordValues(
            order.copy(), [{"value_tier_id": False, "pricelist_id": self.public.id, "amount_untaxed": 1000.0}]
        )
        self.invoice(customer, "2025-06-11", 6000)
        before = self.order(customer, 10)
        self.refresh(customer)
        self.assertRecordValues(
            before.copy(), [{"value_tier_id": self.top.id, "pricelist_id": self.vip.id, "amount_untaxed": 900.0}]
        )

    def test_copy_for_others_is_as_before(self):
        order = self.order(self.customer("Other"))
        order.order_line.price_unit = 42
        self.assertEqual(order.copy().order_line.price_unit, 42)

    def test_cancelled_and_set_back(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.bought(5000)
        order = self.order(customer, 10)
        order.action_confirm()
        order._action_cancel()
        self.lose_tier(customer)
        order.action_draft()
        self.assertRecordValues(order, [{"value_tier_id": self.top.id, "amount_untaxed": 900.0}])
        self.assertIn("no longer has a tier", order.value_notice)

    def test_nobody_chooses_the_tier(self):
        customer = self.bought(150)
        seller = new_test_user(
            self.env,
            "seller",
            groups="sales_team.group_sale_salesman,product.group_product_pricelist",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        Order = self.env["sale.order"].with_user(seller).with_company(self.company)
        lines = [Command.create({"product_id": self.product.id})]
        order = Order.create({"partner_id": customer.id, "order_line": lines})
        self.assertEqual(order.value_tier_id, self.low)
        with self.assertRaises(AccessError):
            order.value_tier_id = self.top
        with self.assertRaises(AccessError):
            Order.create({"partner_id": customer.id, "value_tier_id": self.top.id})
        self.invoice(customer, "2025-06-02", 6000)
        self.refresh(customer)
        order.action_update_benefits()
        self.assertEqual(order.value_tier_id, self.top)

    def test_another_company(self):
        other = self.setup_other_company(name="Other")["company"]
        self.env["product.pricelist"].create({"name": "Public 2", "sequence": 1, "company_id": other.id})
        customer = self.bought(5000)
        order = self.env["sale.order"].with_company(other).create({"partner_id": customer.id, "company_id": other.id})
        self.assertFalse(order.value_tier_id, "the tier was earned in another company")

    def test_pause_while_overdue(self):
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.customer("Customer")
        self.invoice(customer, "2025-06-01", 5000, invoice_date_due="2025-06-15")
        self.refresh()
        self.assertEqual(self.order(customer).value_tier_id, self.top, "off by default")
        self.company.write({"value_pause_overdue": True, "value_pause_overdue_limit": 4999.99})
        customer.invalidate_recordset()
        order = self.order(customer)
        self.assertRecordValues(order, [{"value_tier_id": False, "pricelist_id": self.public.id}])
        self.assertIn("5,000.00", order.value_pause_reason)
        self.assertIn("5,000.00", order.value_notice)
        self.company.value_pause_overdue_limit = 5000
        order.action_update_benefits()
        self.assertRecordValues(order, [{"value_tier_id": self.top.id, "value_pause_reason": False}])

    def test_list_and_analysis(self):
        vip, other = self.bought(5000), self.bought(150, name="Other")
        vip_order, order = self.order(vip), self.order(other)
        Order = self.env["sale.order"].with_company(self.company)
        domain = [("id", "in", (vip_order | order).ids)]
        self.assertEqual(Order.search([*domain, ("value_tier_id", "=", "Top")]), vip_order)
        self.assertEqual(Order.search(domain, order="clv desc"), vip_order + order)
        self.assertEqual(Order.search(domain, order="clv"), order + vip_order)
        self.assertEqual(Order.search([*domain, ("value_id.tier_id", "=", self.low.id)]), order)
        self.env.flush_all()
        groups = dict(
            self.env["sale.report"]._read_group(
                [("order_reference", "in", [f"sale.order,{vip_order.id}", f"sale.order,{order.id}"])],
                ["value_tier_id"],
                ["price_subtotal:sum"],
            )
        )
        self.assertEqual(groups, {self.top: 100, self.low: 100})

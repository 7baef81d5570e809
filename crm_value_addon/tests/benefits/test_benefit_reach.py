from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from ..common import TODAY
from ..common_benefits import BenefitCase


@freeze_time(TODAY)
class TestBenefitCurrency(BenefitCase):
    """A tier's pricelist replaces only a list of the same currency."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.euro = cls.setup_other_currency("EUR", rates=[("1900-01-01", 2.0)])
        cls.france = cls.env.ref("base.fr")
        group = cls.env["res.country.group"].create({"name": "Here", "country_ids": [Command.link(cls.france.id)]})
        cls.public_euro = cls.env["product.pricelist"].create(
            {
                "name": "Public EUR",
                "sequence": 2,
                "company_id": cls.company.id,
                "currency_id": cls.euro.id,
                "country_group_ids": [Command.link(group.id)],
            }
        )
        cls.benefit("pricelist", pricelist_id=cls.vip.id)

    def french(self):
        customer = self.bought(5000, name="Client")
        customer.country_id = self.france
        return customer

    def test_quoted_in_the_currency_of_the_country(self):
        order = self.order(self.french(), 10)
        self.assertRecordValues(
            order,
            [
                {
                    "value_tier_id": self.top.id,
                    "pricelist_id": self.public_euro.id,
                    "currency_id": self.euro.id,
                    "amount_untaxed": 2000.0,
                    "value_benefit_cost": 0.0,
                }
            ],
        )
        self.assertNotIn("Pricelist VIP", order.value_summary)
        self.assertEqual(self.order(self.bought(5000, name="US"), 10).amount_untaxed, 900)

    def test_one_pricelist_per_currency(self):
        vip_euro = self.make_pricelist("VIP EUR", 20, currency_id=self.euro.id)
        self.benefit("pricelist", pricelist_id=vip_euro.id)
        order = self.order(self.french(), 10)
        self.assertRecordValues(
            order,
            [{"pricelist_id": vip_euro.id, "currency_id": self.euro.id, "amount_untaxed": 1600.0}],
        )
        self.assertEqual(order.value_benefit_cost, 400)
        self.assertIn("Pricelist VIP EUR", order.value_summary)
        self.assertRecordValues(
            self.order(self.bought(5000, name="US"), 10), [{"pricelist_id": self.vip.id, "amount_untaxed": 900.0}]
        )
        with self.refused("already has"):
            self.benefit("pricelist", pricelist_id=self.make_pricelist("Second EUR", 5, currency_id=self.euro.id).id)
        with self.refused("already has"):
            self.benefit("pricelist", pricelist_id=self.make_pricelist("Second USD", 5).id)
        with self.refused("already has"):
            vip_euro.currency_id = self.company.currency_id

    def test_customers_read_of_their_own_pricelist_only(self):
        customer = self.french()
        Text, value = self.env["crm.value.benefit.text"], self.value(customer)
        self.assertFalse(Text._prepare_portal_benefits(self.top, self.company, value))
        self.assertFalse(self.env["crm.value.benefit.state"]._prepare_summary(value))
        self.benefit("pricelist", pricelist_id=self.make_pricelist("VIP EUR", 20, currency_id=self.euro.id).id)
        self.assertEqual(Text._prepare_portal_benefits(self.top, self.company, value), ["Special prices"])
        self.assertEqual(Text._prepare_portal_benefits(self.top, self.company), ["Special prices"])

    def test_a_pricelist_chosen_in_another_currency_is_kept(self):
        customer = self.french()
        customer.property_product_pricelist = self.vip
        self.assertEqual(customer.specific_property_product_pricelist, self.vip)
        self.assertEqual(self.order(customer, 10).amount_untaxed, 900)

    def test_update_benefits_stays_in_the_currency(self):
        customer = self.customer("Client", country_id=self.france.id)
        order = self.order(customer, 10)
        self.invoice(customer, "2025-06-01", 5000)
        self.refresh()
        order.action_update_benefits()
        self.assertRecordValues(
            order,
            [{"value_tier_id": self.top.id, "pricelist_id": self.public_euro.id, "amount_untaxed": 2000.0}],
        )


@freeze_time(TODAY)
class TestBenefitBranch(BenefitCase):
    """A branch uses tiers and benefits of its parents, each with its own figures."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.branch = cls.env["res.company"].create({"name": "Branch", "parent_id": cls.company.id})
        cls.twig = cls.env["res.company"].create({"name": "Twig", "parent_id": cls.branch.id})
        cls.env.cr.precommit.run()  # loads the charts of accounts
        companies = cls.company | cls.branch | cls.twig
        cls.env = cls.env(context=dict(cls.env.context, allowed_company_ids=companies.ids))
        cls.term = cls.env["account.payment.term"].create({"name": "Parent", "company_id": cls.company.id})

    def bought_in(self, company, amount, day="2025-06-01"):
        customer = self.customer("Branch customer")
        self.invoice(customer, day, amount, company_id=company.id, journal_id=self.journal(company).id)
        self.env["crm.value.refresh"].with_company(company)._refresh_company()
        return customer

    def journal(self, company):
        return self.env["account.journal"].search(
            [*self.env["account.journal"]._check_company_domain(company), ("type", "=", "sale")], limit=1
        )

    def order_in(self, company, customer, **vals):
        return self.order(customer, 10, company_id=company.id, **vals)

    def tier_in(self, company, customer):
        domain = [("partner_id", "=", customer.id), ("company_id", "=", company.id)]
        return self.env["crm.value"].search(domain).tier_id

    def test_tiers_of_the_parents_count(self):
        for company in (self.branch, self.twig):
            self.assertEqual(self.tier_in(company, self.bought_in(company, 6000)), self.top)
        own = self.tier("Own", 9000, 9000, company_id=self.branch.id)
        self.assertEqual(self.tier_in(self.branch, self.bought_in(self.branch, 9000)), own)
        self.assertEqual(self.tier_in(self.company, self.bought_in(self.company, 9000)), self.top, "not downwards")

    def test_payment_terms_of_the_parent(self):
        self.benefit("payment_term", payment_term_id=self.term.id)
        for company in (self.branch, self.twig):
            order = self.order_in(company, self.bought_in(company, 6000))
            self.assertRecordValues(order, [{"value_tier_id": self.top.id, "payment_term_id": self.term.id}])

    def test_benefit_for_a_branch_only(self):
        benefit = self.benefit("payment_term", payment_term_id=self.term.id, company_id=self.branch.id)
        self.assertEqual(benefit.company_id, self.branch)
        self.assertEqual(self.order_in(self.twig, self.bought_in(self.twig, 6000)).payment_term_id, self.term)
        self.assertFalse(self.order_in(self.company, self.bought_in(self.company, 6000)).payment_term_id)
        with self.refused("already has"):
            self.benefit("payment_term", payment_term_id=self.term.id)

    def test_tier_of_a_branch_gives_terms_of_the_parent(self):
        own = self.tier("Own", 9000, 9000, company_id=self.branch.id)
        benefit = self.benefit("payment_term", own, payment_term_id=self.term.id)
        self.assertEqual(benefit.company_id, self.branch)
        self.assertEqual(self.order_in(self.branch, self.bought_in(self.branch, 9000)).payment_term_id, self.term)
        of_branch = self.env["account.payment.term"].create({"name": "Branch", "company_id": self.branch.id})
        self.assertEqual(self.benefit("payment_term", payment_term_id=of_branch.id).company_id, self.branch)
        other = self.setup_other_company(name="Other")["company"]
        foreign = self.env["account.payment.term"].create({"name": "Foreign", "company_id": other.id})
        with self.refused("another company"):
            self.benefit("payment_term", self.mid, payment_term_id=foreign.id)

    def test_pricelists_as_odoo_takes_them(self):
        """Odoo refuses the parent's own pricelist on a branch's order, and takes one that belongs to no company."""
        self.benefit("pricelist", pricelist_id=self.vip.id)
        customer = self.bought_in(self.branch, 6000)
        self.assertRecordValues(
            self.order_in(self.branch, customer), [{"value_tier_id": self.top.id, "amount_untaxed": 1000.0}]
        )
        with self.refused("another company"):
            self.benefit("pricelist", self.mid, pricelist_id=self.vip.id, company_id=self.branch.id)
        self.env["product.pricelist"].create({"name": "Public everywhere", "sequence": 1, "company_id": False})
        self.vip.company_id = False
        self.env.invalidate_all()
        self.assertEqual(self.order_in(self.branch, customer).amount_untaxed, 900)

    def test_programs_of_the_parent_are_gated(self):
        program = self.program()
        self.benefit("program", program_id=program.id)
        stranger = self.order_in(self.branch, self.customer("Stranger"))
        for order, amount in ((stranger, 1000), (self.order_in(self.branch, self.bought_in(self.branch, 6000)), 900)):
            order._update_programs_and_rewards()
            for coupon, rewards in order._get_claimable_rewards().items():
                order._apply_program_reward(rewards, coupon)
            self.assertEqual(order.amount_untaxed, amount)

    def test_gifts_of_the_parent(self):
        gift = self.benefit("gift", program_id=self.program("coupons").id)
        self.env["crm.value.refresh"].with_company(self.branch)._refresh_company()
        customer = self.bought_in(self.branch, 6000, "2025-06-25")
        grant = self.env["crm.value.grant"].search([("benefit_id", "=", gift.id)])
        self.assertEqual((grant.partner_id, grant.company_id), (customer, self.branch))

    def test_a_branch_reads_and_does_not_change(self):
        benefit = self.benefit("payment_term", payment_term_id=self.term.id)
        manager = new_test_user(
            self.env,
            "branch_manager",
            groups="sales_team.group_sale_manager",
            company_id=self.branch.id,
            company_ids=[Command.set(self.branch.ids)],
        )
        context = {"allowed_company_ids": self.branch.ids}
        top, benefit = (record.with_user(manager).with_context(**context) for record in (self.top, benefit))
        self.assertEqual((top.name, benefit.payment_term_id.name, top.criterion_ids.enter_min), ("Top", "Parent", 5000))
        for write in (
            lambda: top.write({"name": "Mine"}),
            lambda: benefit.write({"active": False}),
            lambda: top.criterion_ids.write({"enter_min": 1}),
        ):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                write()

    def test_simulation_in_a_branch(self):
        customer = self.bought_in(self.branch, 6000)
        simulation = self.env["crm.value.tier.simulation"].with_company(self.branch).create({})
        self.assertTrue(simulation.is_shared)
        self.assertEqual(simulation._used_tiers(), self.low | self.mid | self.top)
        simulation.action_preview()
        self.assertFalse(simulation.move_count)
        simulation.criterion_ids.filtered(lambda criterion: criterion.tier_id == self.top).write(
            {"enter_min": 7000, "keep_min": 7000}
        )
        simulation.action_preview()
        self.assertEqual(simulation.down_count, 1)
        simulation.action_apply()
        self.assertEqual(self.tier_in(self.branch, customer), self.mid)


@freeze_time(TODAY)
class TestPricelistsSwitchedOff(BenefitCase):
    """Pricelists are a feature that can be off, which must not be found out by a customer."""

    def switch_off_pricelists(self):
        self.env.user.group_ids -= self.env.ref("product.group_product_pricelist")
        self.env["res.config.settings"].create({"group_product_pricelist": False}).execute()
        self.assertFalse(self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist"))

    def test_pricelists_switched_off(self):
        benefit = self.benefit("pricelist", pricelist_id=self.vip.id)
        note = self.benefit("note", note="Call")
        customer = self.bought(5000)
        self.assertFalse(benefit.pricelist_warning)
        self.switch_off_pricelists()
        self.env.invalidate_all()
        self.assertEqual(self.order(customer, 10).amount_untaxed, 1000)
        self.assertIn("switched off", benefit.pricelist_warning)
        self.assertFalse(note.pricelist_warning)
        manager = new_test_user(
            self.env,
            "manager",
            groups="sales_team.group_sale_manager",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        with self.assertRaises(AccessError):
            benefit.with_user(manager).action_enable_pricelists()
        self.assertFalse(self.vip.active, "Odoo archives all pricelists with the feature")
        benefit.action_enable_pricelists()
        self.env.invalidate_all()
        self.assertFalse(benefit.pricelist_warning)
        self.assertTrue(self.vip.active)
        self.assertEqual(self.order(customer, 10).amount_untaxed, 900)

    def test_archived_pricelist(self):
        benefit = self.benefit("pricelist", pricelist_id=self.vip.id)
        self.vip.active = False
        self.assertIn("archived", benefit.pricelist_warning)

    def test_assigned_pricelist_is_read_in_the_same_transaction(self):
        """As in plain Odoo, where OCA's contracts rely on it."""
        customer, own = self.customer("Customer"), self.make_pricelist("Own", 3)
        self.benefit("pricelist", pricelist_id=self.vip.id)
        self.switch_off_pricelists()
        vip_customer = self.bought(5000, name="VIP")
        for partner in (customer, vip_customer):
            partner.property_product_pricelist = own
            self.assertEqual(partner.property_product_pricelist, own)
            price = partner.property_product_pricelist._get_product_price(self.product, 1.0)
            self.assertEqual(price, 97)
            self.assertEqual(partner.specific_property_product_pricelist, own)

    def test_assigned_pricelist_where_pricelists_are_used(self):
        own = self.make_pricelist("Own", 3)
        for name in ("without benefits", "with benefits"):
            with self.subTest(name):
                customer = self.bought(1000, name=name)
                customer.property_product_pricelist = own
                self.assertEqual(customer.property_product_pricelist, own)
                self.assertEqual(self.order(customer, 10).amount_untaxed, 970)
            self.benefit("pricelist", self.mid, pricelist_id=self.vip.id) if not self.mid.benefit_ids else None

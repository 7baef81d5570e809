from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user

from ..common import TODAY
from .test_crm_value_tier_assignment import TierCase


@freeze_time(TODAY)
class TestCrmValueTier(TierCase):
    def test_keep_above_enter(self):
        with self.assertRaisesRegex(ValidationError, "Mid, line “Revenue 12 Months from 1,000, kept down to 1,200”"):
            self.mid.criterion_ids.keep_min = 1200

    def test_higher_tier_easier_to_enter(self):
        with self.assertRaisesRegex(ValidationError, "Top, line .*900.*lower tier Mid .*1,000"):
            self.top.criterion_ids.write({"enter_min": 900, "keep_min": 800})
        with self.assertRaisesRegex(ValidationError, "Top, line .* lower tier Mid"):
            self.mid.criterion_ids.write({"enter_min": 6000, "keep_min": 3000})

    def test_higher_tier_easier_to_keep(self):
        with self.assertRaisesRegex(ValidationError, "Top, line .*keeping"):
            self.top.criterion_ids.keep_min = 700

    def test_lower_tier_that_nobody_would_have(self):
        with self.assertRaisesRegex(ValidationError, "nobody would ever be Top"):
            self.tier("Same", 5000, 4000)
        with self.assertRaisesRegex(ValidationError, "nobody would ever be Top"):
            # one of two is enough, and the first is what Top asks for
            self.env["crm.value.tier"].create(
                {
                    "name": "Any",
                    "company_id": self.company.id,
                    "criterion_match": "any",
                    "criterion_ids": [
                        Command.create({"metric": "revenue_12m", "enter_min": 5000}),
                        Command.create({"metric": "clv", "enter_min": 1}),
                    ],
                }
            )

    def test_order_of_tiers(self):
        with self.assertRaises(ValidationError):
            self.top.sequence = self.low.sequence - 1

    def test_other_customers_other_thresholds(self):
        belgians = self.tier("Belgians", 200, 200, partner_domain="[('country_id.code', '=', 'BE')]")
        self.assertTrue(belgians.active, "it is open to other customers than the lower tiers")
        with self.assertRaises(ValidationError):
            belgians.partner_domain = "[]"

    def test_archived_tiers_do_not_count(self):
        same = self.tier("Same", 5000, 4000, active=False)
        with self.assertRaises(ValidationError):
            same.active = True

    def test_tier_of_one_company_against_a_shared_one(self):
        with self.assertRaisesRegex(ValidationError, "Shared"):
            self.tier("Shared", 6000, 100, company_id=False)

    def test_domain_that_cannot_be_used(self):
        for domain in (
            "[('country_id'",
            "[('no_such_field', '=', 1)]",
            "5",
            "[('active', '=', uid)]",
            "{'a': 1}",
            "[('name', 'no_such_operator', 1)]",
        ):
            with self.subTest(domain), self.assertRaisesRegex(ValidationError, "Top: the condition on customers"):
                self.top.partner_domain = domain

    def test_domain_must_not_ask_for_the_tier(self):
        for domain in ("[('value_tier_id', '=', False)]", "['|', ('active', '=', 1), ('value_ids.tier_id', '=', 1)]"):
            with self.subTest(domain), self.assertRaisesRegex(ValidationError, "must not depend on the tier"):
                self.top.partner_domain = domain

    def test_numbers(self):
        for number in (1e30, -1e30):  # Odoo itself refuses what is no number
            with self.subTest(number), self.assertRaisesRegex(ValidationError, "below 9e14"):
                self.top.criterion_ids.write({"enter_min": number, "keep_min": number})
        with self.assertRaisesRegex(ValidationError, "between 0 and 100"):
            self.tier("Percentile", 101, 100, metric="value_percentile")

    def test_used_tier_is_not_deleted(self):
        self.bought(6000)
        with self.assertRaisesRegex(UserError, "Archive it instead"):
            self.top.unlink()
        self.tier("Unused", 99999, 99999).unlink()

    def test_deleting_a_criterion_is_checked(self):
        self.top.criterion_ids = [
            Command.update(self.top.criterion_ids.id, {"enter_min": 1000, "keep_min": 800}),
            Command.create({"metric": "purchase_count", "enter_min": 9}),
        ]
        with self.assertRaisesRegex(ValidationError, "nobody would ever be Mid"):
            self.top.criterion_ids.filtered(lambda line: line.metric == "purchase_count").unlink()

    def test_keep_is_enter_unless_given(self):
        tier = self.env["crm.value.tier"].create(
            {
                "name": "T",
                "company_id": self.company.id,
                "criterion_ids": [Command.create({"metric": "revenue_12m", "enter_min": 9000})],
            }
        )
        self.assertEqual(tier.criterion_ids.keep_min, 9000)
        self.assertTrue(self.env["crm.value.tier"].create({"name": "Manual"}).is_by_hand)

    def test_tiers_of_the_data(self):
        tiers = [self.env.ref(f"crm_value_addon.tier_{name}") for name in ("bronze", "silver", "gold", "platinum")]
        self.assertEqual([tier.name for tier in tiers], ["Bronze", "Silver", "Gold", "Platinum"])
        self.assertEqual(tiers, sorted(tiers, key=lambda tier: tier.sequence))
        pyramid = self.env["crm.value.tier"].with_context(active_test=False).search([("scheme", "=", "pyramid")])
        self.assertFalse(any(pyramid.mapped("active")))

    def test_rights(self):
        customer = self.bought(1500)
        seller, manager, portal = (
            new_test_user(
                self.env, login, groups=groups, company_id=self.company.id, company_ids=[Command.set(self.company.ids)]
            )
            for login, groups in (
                ("tier_seller", "sales_team.group_sale_salesman_all_leads"),
                ("tier_manager", "sales_team.group_sale_manager"),
                ("tier_portal", "base.group_portal"),
            )
        )
        value = self.value(customer)
        self.assertEqual(value.with_user(seller).tier_id.name, "Mid")
        self.assertEqual(customer.with_user(seller).with_company(self.company).value_tier_id.name, "Mid")
        self.assertTrue(value.with_user(seller).tier_change_ids)
        refused = [
            (seller, lambda env: env["crm.value.tier"].browse(self.mid.id).write({"name": "Mine"})),
            (
                seller,
                lambda env: env["crm.value.tier.criterion"].browse(self.mid.criterion_ids.id).write({"enter_min": 1}),
            ),
            (
                seller,
                lambda env: env["crm.value.tier.lock"].create(
                    {"value_id": value.id, "tier_id": self.top.id, "reason": "Friend"}
                ),
            ),
            (seller, lambda env: env["crm.value"].browse(value.id).write({"tier_id": self.top.id})),
            (manager, lambda env: env["crm.value"].browse(value.id).write({"tier_id": self.top.id})),
            (
                manager,
                lambda env: env["crm.value.tier.change"].create(
                    {"value_id": value.id, "date": TODAY, "source": "lock"}
                ),
            ),
            (portal, lambda env: env["crm.value.tier"].browse(self.mid.id).name),
            (portal, lambda env: env["res.partner"].browse(customer.id).value_tier_id),
            (portal, lambda env: env["crm.value.tier.change"].search([])),
            (portal, lambda env: env["crm.value.tier.lock"].search([])),
        ]
        for user, work in refused:
            with self.assertRaises(AccessError):
                work(self.env(user=user, context={"allowed_company_ids": self.company.ids}))
        self.mid.with_user(manager).criterion_ids.enter_min = 1200

    def test_other_company_sees_nothing(self):
        customer = self.bought(1500)
        self.env["crm.value.tier.lock"].create(
            {"value_id": self.value(customer).id, "tier_id": self.top.id, "reason": "Friend"}
        )
        other = self.setup_other_company(name="Other")["company"]
        stranger = new_test_user(
            self.env,
            "tier_stranger",
            groups="sales_team.group_sale_manager",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        env = self.env(user=stranger, context={"allowed_company_ids": other.ids})
        self.assertFalse(env["crm.value.tier.change"].search([]))
        self.assertFalse(env["crm.value.tier.lock"].search([]))
        self.assertFalse(env["crm.value.tier.criterion"].search([("tier_id", "in", (self.low | self.mid).ids)]))
        self.assertFalse(env["crm.value.tier"].search([("company_id", "=", self.company.id)]))
        self.assertFalse(env["mail.message"].search([("model", "=", "crm.value")]))
        self.assertFalse(env["res.partner"].browse(customer.id).value_tier_id)

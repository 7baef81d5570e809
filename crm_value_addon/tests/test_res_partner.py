from freezegun import freeze_time

from odoo.tests import new_test_user

from .common import TODAY, ValueCase


@freeze_time(TODAY)
class TestResPartner(ValueCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time(TODAY):
            cls.small, cls.big = cls.customer("Small"), cls.customer("Big", is_company=True)
            cls.child = cls.customer("Child", parent_id=cls.big.id)
            cls.stranger = cls.customer("Stranger")
            cls.invoice(cls.small, "2025-05-01", 10)
            cls.invoice(cls.big, "2025-06-01", 1000)
            cls.refresh()
        cls.partners = cls.small + cls.big + cls.child + cls.stranger
        cls.Partner = cls.env["res.partner"].with_company(cls.company)

    def found(self, *conditions):
        return self.Partner.search([("id", "in", self.partners.ids), *conditions])

    def test_a_contact_shows_its_commercial_partner(self):
        self.assertEqual(self.child.value_id, self.value(self.big))
        self.assertEqual(self.child.revenue_total, 1000)
        self.assertFalse(self.stranger.value_id)

    def test_sorting(self):
        ordered = self.Partner.search(
            [("id", "in", (self.small + self.big + self.stranger).ids)], order="revenue_total desc nulls last, id"
        )
        self.assertEqual(ordered.ids, (self.big + self.small + self.stranger).ids)

    def test_who_has_no_value_is_sorted_below_all_others(self):
        domain = [("id", "in", (self.small + self.big + self.stranger).ids)]
        for name in ("revenue_total", "last_purchase_date"):
            # ids: two recordsets are equal in any order
            best_first = self.Partner.search(domain, order=f"{name} desc")
            self.assertEqual(best_first.ids, (self.big + self.small + self.stranger).ids)
            self.assertEqual(self.Partner.search(domain, order=name).ids, best_first.ids[::-1])

    def test_searching(self):
        self.assertEqual(self.found(("revenue_total", ">", 100)), self.big + self.child)
        self.assertEqual(self.found(("revenue_total", ">", 1)), self.small + self.big + self.child)
        self.assertEqual(self.found(("value_id", "=", False)), self.stranger)
        self.assertEqual(self.found(("value_id", "!=", False)), self.small + self.big + self.child)
        self.assertEqual(self.found(("value_id", "=", self.value(self.small).id)), self.small)
        self.assertEqual(self.found(("value_id.purchase_count", "=", 1)), self.small + self.big + self.child)
        self.assertEqual(self.found(("revenue_total", "=", 0)), self.stranger)

    def test_grouping_and_summing(self):
        domain = [("id", "in", self.partners.ids)]
        groups = self.Partner._read_group(domain, ["purchase_count"], ["__count", "revenue_total:sum"])
        self.assertEqual(sorted(groups, key=str), [(1, 3, 2010), (False, 1, False)])
        months = self.Partner._read_group(domain, ["last_purchase_date:month"], ["__count"])
        self.assertEqual({str(month): count for month, count in months}, {"2025-05-01": 1, "2025-06-01": 2, "False": 1})

    def test_through_users(self):
        user = self.env["res.users"].create({"name": "U", "login": "u_value", "partner_id": self.small.id})
        self.assertEqual(self.env["res.users"].with_company(self.company).search([("revenue_total", "=", 10)]), user)

    def test_reading_a_page_costs_the_same_for_one_and_for_many(self):
        names = ["name", "revenue_12m", "clv", "last_purchase_date"]
        many = self.Partner.create([{"name": f"P{number}"} for number in range(40)])
        self.env.flush_all()

        self.queries_to_read(many, names)
        self.assertEqual(self.queries_to_read(many[:1], names), self.queries_to_read(many, names))

    def test_opening_what_an_amount_is_made_of(self):
        late = self.invoice(self.big, "2025-06-02", 50, invoice_date_due="2025-06-15")
        self.refresh(self.big)
        self.assertEqual(self.child.overdue_amount, 50)
        items = self.env["account.move.line"].search(self.child.action_open_value_overdue()["domain"])
        self.assertEqual(items.move_id, late)
        self.assertEqual(sum(items.mapped("amount_residual")), self.child.overdue_amount)
        purchases = self.child.action_open_value_purchases()
        found = self.env["crm.value.purchase"].search(purchases["domain"])
        self.assertEqual(sum(found.mapped("revenue")), self.child.revenue_total)

    def test_opening_the_value(self):
        self.assertEqual(self.child.action_open_value()["res_id"], self.value(self.big).id)
        self.assertEqual(self.stranger.action_open_value()["tag"], "display_notification")

    def test_a_contact_is_duplicated_by_who_may_not_see_its_value(self):
        self.small.write(
            {
                "contact_style": "driving",
                "relationship_stage": "early",
                "relationship_strategy": "zipper",
                "birthdate_date": "1980-01-01",
                "referred_by_id": self.big.id,
            }
        )
        accountant = new_test_user(
            self.env,
            "accountant",
            groups="account.group_account_invoice,base.group_partner_manager",
            company_id=self.company.id,
            company_ids=self.company.ids,
        )
        duplicate = self.small.with_user(accountant).copy()
        self.assertEqual(duplicate.name, "Small (copy)")
        # as a superuser, who sees them
        noted = duplicate.sudo().read(
            ["contact_style", "relationship_stage", "relationship_strategy", "birthdate_date", "referred_by_id"]
        )[0]
        self.assertEqual(set(noted.values()), {duplicate.id, False})

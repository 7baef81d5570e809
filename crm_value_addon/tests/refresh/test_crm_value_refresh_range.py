import random
from datetime import timedelta
from itertools import pairwise
from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import new_test_user

from ...lib.spool import ColumnSpool
from ...models.refresh import crm_value_refresh, crm_value_refresh_range
from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestCrmValueRefreshRange(ValueCase):
    """A large company, in ranges, gets the figures of one that is read at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"value_referral_share": 0.1, "value_referral_months": 60, "value_loyal_purchases": 3})
        dice, cls.partners = random.Random(16), cls.env["res.partner"]
        for number in range(11):
            # each was brought by the next one, who may lie in another range
            partner = cls.customer(f"Customer {number}", value_opt_out=number == 4)
            cls.partners += partner
            for _invoice in range(dice.randint(0, 5)):
                day = TODAY - timedelta(days=dice.randint(0, 900))
                invoice = cls.invoice(
                    partner, day, dice.randint(1, 90_000) / 100, product=dice.choice([None, cls.product])
                )
                if dice.random() < 0.3:
                    cls.credit_note(invoice, day + timedelta(days=3))
        for one, other in pairwise(cls.partners):
            one.referred_by_id = other
        # a credit note of one customer that reverses another one's invoice, far from it
        mistaken = cls.invoice(cls.partners[1], TODAY - timedelta(days=40), 400)
        note = cls.invoice(cls.partners[9], TODAY - timedelta(days=30), 400, move_type="out_refund", post=False)
        note.reversed_entry_id = mistaken
        note.action_post()
        cls.env["crm.lead"].create(
            {
                "name": "Deal",
                "type": "opportunity",
                "partner_id": cls.customer("Prospect").id,
                "company_id": cls.company.id,
                "expected_revenue": 900,
            }
        )
        cls.env["sale.order"].create({"partner_id": cls.customer("Ordered").id})
        cls.env["crm.value.queue"].search([]).unlink()

    def large(self, size):
        """Make every company large enough for ranges of so many customers."""
        self.patch(crm_value_refresh_range, "RANGE_CUSTOMERS", size)
        self.patch(crm_value_refresh_range, "AT_ONCE", 0)

    def boundaries(self):
        return self.env["crm.value.run"]._last_boundaries(self.company)

    def forget(self):
        self.env.cr.execute("DELETE FROM crm_value WHERE company_id = %s", [self.company.id])
        self.env["crm.value.run"].search([("company_id", "=", self.company.id)]).unlink()
        self.env.invalidate_all()

    def at_once(self):
        """Return what a refresh at once stores, the boundaries and the books, and forget it all."""
        run = self.refresh()
        found = self.stored(), self.boundaries(), (run.total, run.processed, run.skipped, run.unattributed_revenue)
        self.forget()
        return found

    def in_ranges(self):
        run = self.refresh()
        self.assertEqual(run.state, "done")
        return self.stored(), self.boundaries(), (run.total, run.processed, run.skipped, run.unattributed_revenue)

    def test_the_same_figures_to_the_last_bit(self):
        self.invoice(None, "2025-06-02", 5.5, move_type="out_receipt")
        expected = self.at_once()
        figures = expected[0]
        self.assertTrue(sum(row[2 + self.Value._refreshed_fields().index("referral_value")] for row in figures))
        for size in (1, 2, 5, 100):
            self.large(size)
            self.assertEqual(self.in_ranges(), expected, f"first refresh, {size} a range")
            run = self.refresh()
            self.assertEqual((run.written, self.stored()), (0, figures), f"refreshed twice, {size} a range")
            self.forget()
        self.assertFalse(self.env["crm.value.run.range"].search([]))

    def test_ranges_in_any_order(self):
        expected = self.at_once()
        self.large(3)
        with patch.object(type(self.env["crm.value.run.range"]), "_order", "last_key DESC"):
            self.assertEqual(self.in_ranges(), expected)

    def test_killed_after_any_transaction(self):
        expected = self.at_once()
        self.large(5)
        self.patch(crm_value_refresh, "WRITE_BATCH", 2)
        self.env["crm.value.queue"]._push_partners(self.partners, self.company)
        waiting = self.env["crm.value.queue"].search([("company_key", "=", self.company.id)])
        done = []

        def count(work):
            done.append(1)
            return work()

        self.Refresh._refresh_company(count)
        self.assertEqual(self.stored(), expected[0])
        for last in range(1, len(done)):
            self.forget()
            self.env["crm.value.queue"]._push_partners(self.partners, self.company)
            done.clear()

            def die(work, last=last):
                if len(done) == last:
                    raise KeyboardInterrupt
                return count(work)

            # Not assertRaises: Odoo's rolls back what was done before the exception, a kill does not.
            try:
                self.Refresh._refresh_company(die)
                self.fail("the refresh was not interrupted")
            except KeyboardInterrupt:
                self.env.flush_all()
            interrupted = self.env["crm.value.run"].search([("kind", "=", "full"), ("state", "=", "running")])
            self.assertEqual(self.in_ranges(), expected, f"killed after {last} transactions")
            if interrupted:  # else only the month's end was left to do
                self.assertEqual(self.env["crm.value.run"].search([("kind", "=", "full")]), interrupted)
            self.assertFalse(self.env["crm.value.queue"].search([("company_key", "=", self.company.id)]))
        self.assertFalse(waiting.exists())

    def test_a_killed_refresh_reads_no_range_twice_before_the_boundaries(self):
        self.large(3)
        read, original = [], type(self.env["crm.value.refresh.range"])._read

        def _read(service, part, spool):
            if len(read) == 2 and not part.run_id.next_partner_key:
                part.run_id.next_partner_key = 1
                raise KeyboardInterrupt
            read.append(part.first_key)
            return original(service, part, spool)

        with patch.object(type(self.env["crm.value.refresh.range"]), "_read", _read):
            try:
                self.refresh()
                self.fail("the refresh was not interrupted")
            except KeyboardInterrupt:
                self.env.flush_all()
            self.refresh()
        self.assertEqual(len(read), len(set(read)))
        self.assertGreater(len(read), 3)

    def test_what_comes_between_reading_and_writing_waits_for_the_next_refresh(self):
        self.large(3)
        original = type(self.env["crm.value.refresh.range"])._compare

        def post_meanwhile(service, *arguments):
            self.invoice(self.partners[0], "2025-06-29", 777)
            return original(service, *arguments)

        with patch.object(type(self.env["crm.value.refresh.range"]), "_compare", post_meanwhile):
            self.refresh()
        rows = self.env["crm.value.queue"].search([("company_key", "=", self.company.id)])
        self.assertEqual(rows.mapped("partner_key"), [self.partners[0].id])
        before = self.value(self.partners[0]).revenue_total
        self.Refresh._refresh_queue(lambda work: work())
        self.assertEqual(self.value(self.partners[0]).revenue_total, before + 777)

    def test_a_full_disk_costs_time_only(self):
        expected = self.at_once()
        self.large(3)
        with (
            patch.object(ColumnSpool, "put", side_effect=OSError("No space left on device")),
            self.assertLogs("odoo.addons.crm_value_addon.models.refresh.crm_value_refresh_range", "WARNING"),
        ):
            self.assertEqual(self.in_ranges(), expected)

    def test_ranges_of_another_day_are_forgotten(self):
        self.large(3)
        with patch.object(type(self.env["crm.value.refresh.range"]), "_compare", side_effect=KeyboardInterrupt):
            try:
                self.refresh()
                self.fail("the refresh was not interrupted")
            except KeyboardInterrupt:
                self.env.flush_all()
        old = self.env["crm.value.run.range"].search([])
        self.assertEqual(set(old.mapped("state")), {"read"})
        with freeze_time(TODAY + timedelta(days=1)):
            self.assertEqual(self.refresh().state, "done")
        self.assertFalse(old.exists())

    def test_customers_without_documents_beyond_the_last_range(self):
        self.refresh()
        self.large(4)
        late = self.customer("Late")
        self.env["sale.order"].create({"partner_id": late.id})
        self.invoice(self.customer("Later"), "2025-06-20", 50)
        self.refresh()
        self.assertEqual(self.value(late).method, "none")
        self.assertEqual(len(self.stored()), self.env["crm.value.run"].search([], limit=1).total)

    def test_only_a_large_company_has_ranges(self):
        size = self.env["crm.value.refresh.range"]._range_size
        self.assertEqual(size(180_000, 1_800_000), 0)
        self.assertEqual(size(0, 0), 0)
        self.assertEqual(size(180_001, 400_000), 60_000)
        self.assertEqual(size(3_000_000, 15_000_000), 60_000)
        # few customers with many documents
        self.assertEqual(size(20_000, 10_000_000), 1_200)
        self.assertEqual(size(1, 10_000_000), 1)
        with patch.object(type(self.env["crm.value.refresh.range"]), "_refresh", side_effect=AssertionError):
            self.refresh()

    def test_nobody_reads_what_is_compared(self):
        self.large(3)
        part = self.env["crm.value.run.range"].create(
            {
                "run_id": self.env["crm.value.run"]._start(self.company, "full", TODAY).id,
                "as_of_date": TODAY,
                "first_key": 0,
                "last_key": 9,
                "sample": b"AAAA",
            }
        )
        manager = new_test_user(self.env, "range manager", "sales_team.group_sale_manager,base.group_system")
        self.assertTrue(part.with_user(manager).read(["sample"]))
        self.assertFalse(
            part.with_user(new_test_user(self.env, "seller", "sales_team.group_sale_manager")).has_access("read")
        )

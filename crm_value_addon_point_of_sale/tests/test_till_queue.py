from freezegun import freeze_time

from odoo.addons.crm_value_addon.tests.common import TODAY
from odoo.exceptions import MissingError

from .common import TillCase


@freeze_time(TODAY)
class TestTillQueue(TillCase):
    """Synchronising costs one INSERT, and computes nothing."""

    def setUp(self):
        super().setUp()
        self.env["crm.value.queue"].search([]).unlink()

    def queued(self):
        self.env.flush_all()
        rows = self.env["crm.value.queue"].search([], order="id")
        return [(row.partner_key, row.move_key) for row in rows]

    def inserts(self, work):
        """Return how many times something is put into the queue."""
        calls = []
        Queue = type(self.env["crm.value.queue"])
        original = Queue._push

        def push(model, keys, refreeze=False):
            if keys:
                calls.append(set(keys))
            return original(model, keys, refreeze)

        self.patch(Queue, "_push", push)
        work()
        return calls

    def test_one_insert_for_many_orders(self):
        customers = [self.customer(f"Customer {number}") for number in range(4)]
        tickets = [self.ticket(customer) for customer in customers]
        calls = self.inserts(lambda: self.sync(*tickets))
        self.assertEqual(len(calls), 1)
        self.assertEqual({key[0] for key in calls[0]}, {customer.id for customer in customers})
        self.assertFalse(self.env["crm.value.till.order"].search([("partner_id", "in", [c.id for c in customers])]))

    def test_an_order_without_a_customer(self):
        order = self.sell(None)
        self.assertEqual(order.state, "paid")
        self.assertEqual(self.queued(), [])
        self.assertEqual(self.refresh().till_unattributed_revenue, 100)

    def test_sent_twice(self):
        customer = self.customer()
        ticket = self.ticket(customer)
        order = self.sync(ticket)
        again = self.sync(ticket)
        self.assertEqual(order, again)
        self.assertEqual(self.queued(), [(customer.id, -order.id)])
        self.assertEqual(self.figures(customer, "revenue_total", "purchase_count"), [100, 1])

    def test_a_draft_counts_when_it_is_paid(self):
        customer = self.customer()
        ticket = self.ticket(customer)
        draft = dict(ticket, state="draft", payment_ids=[])
        order = self.sync(draft)
        self.assertEqual((order.state, self.queued()), ("draft", []))
        paid = dict(ticket, lines=[], amount_paid=100)
        self.sync(paid)
        self.assertEqual(order.state, "paid")
        self.assertEqual(self.queued(), [(customer.id, -order.id)])
        self.assertEqual(self.figures(customer, "revenue_total"), [100])

    def test_an_order_of_an_unknown_customer(self):
        customer = self.customer()
        ticket = self.ticket(customer)
        customer.unlink()
        order = self.sync(ticket)
        self.assertEqual((order.state, order.partner_id.id), ("paid", False))
        self.assertEqual(self.queued(), [])

    def test_an_error_leaves_nothing_behind(self):
        customer = self.customer()
        with self.assertRaises(MissingError), self.env.cr.savepoint():
            self.sync(self.ticket(customer), self.ticket(customer, session_id=10**9))
        self.assertEqual(self.queued(), [])
        self.sell(customer)
        self.assertEqual(len(self.queued()), 1, "what comes after it is put into the queue")

    def test_a_return_queues_the_customer_of_the_sale(self):
        customer, other = self.customer(), self.customer("Other")
        order = self.sell(customer)
        self.env["crm.value.queue"].search([]).unlink()
        refund = self.give_back(order, customer=other)
        self.assertEqual(sorted(self.queued()), sorted([(customer.id, -refund.id), (other.id, -refund.id)]))

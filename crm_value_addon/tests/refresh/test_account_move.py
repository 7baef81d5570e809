from unittest.mock import patch

from freezegun import freeze_time

from ..common import TODAY, ValueCase


@freeze_time(TODAY)
class TestAccountMove(ValueCase):
    def queued(self):
        rows = self.env["crm.value.queue"].search([("company_key", "=", self.company.id)])
        return [(row.partner_key, row.move_key, row.refreeze) for row in rows]

    def test_posting_enqueues_the_commercial_partner(self):
        parent = self.customer("Parent", is_company=True)
        contact = self.customer("Contact", parent_id=parent.id)
        move = self.invoice(contact, "2025-06-01", post=False)
        self.assertFalse(self.queued(), "a draft concerns nobody")
        move.action_post()
        self.assertEqual(self.queued(), [(parent.id, move.id, True)])

    def test_reset_cancel_and_delete_enqueue(self):
        customer = self.customer()
        move = self.invoice(customer, "2025-06-01")
        for step in ("button_draft", "action_post", "button_draft", "button_cancel"):
            before = len(self.queued())
            getattr(move, step)()
            expected = before if step == "button_cancel" else before + 1
            self.assertEqual(len(self.queued()), expected, f"after {step}")
        posted = self.invoice(customer, "2025-06-02")
        before = len(self.queued())
        posted.with_context(force_delete=True).unlink()
        self.assertEqual(len(self.queued()), before + 1)

    def test_vendor_bills_and_entries_enqueue_nothing(self):
        self.invoice(self.customer(), "2025-06-01", move_type="in_invoice", post=False).action_post()
        self.assertFalse(self.queued())

    def test_document_without_customer_enqueues_nothing(self):
        self.invoice(None, "2025-06-01", move_type="out_receipt")
        self.assertFalse(self.queued())

    def test_contact_that_becomes_a_child_hands_its_documents_over(self):
        parent, contact = self.customer("Parent", is_company=True), self.customer("Contact")
        move = self.invoice(contact, "2025-06-01")
        self.env["crm.value.queue"].search([]).unlink()
        contact.parent_id = parent
        self.env.flush_all()
        self.assertEqual(move.commercial_partner_id, parent)
        self.assertEqual({partner for partner, _move, _refreeze in self.queued()}, {contact.id, parent.id})

    def test_posting_costs_one_statement(self):
        customer = self.customer()
        warm = self.invoice(customer, "2025-06-01", post=False)
        warm.action_post()

        def statements(moves, enabled):
            self.env.flush_all()
            self.env.invalidate_all()
            start = self.env.cr.sql_log_count
            queue = type(self.env["crm.value.queue"])
            if enabled:
                moves.action_post()
            else:
                with (
                    patch.object(queue, "_push", lambda *args, **kwargs: None),
                    patch.object(type(moves), "_value_queue_keys", lambda moves, state=None: set()),
                ):
                    moves.action_post()
            self.env.flush_all()
            return self.env.cr.sql_log_count - start

        for count in (1, 5):
            warm, warmer, with_us, without_us = (
                self.env["account.move"].union(
                    *(self.invoice(customer, "2025-06-02", post=False) for _number in range(count))
                )
                for _way in range(4)
            )
            # The same work each time: after rounds that fill caches, the numbers differ by our INSERT alone.
            statements(warm, enabled=True)
            statements(warmer, enabled=False)
            plain = statements(without_us, enabled=False)
            self.assertEqual(statements(with_us, enabled=True), plain + 1, f"batch of {count}")

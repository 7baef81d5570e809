from odoo.addons.base.tests.test_ir_cron import CronMixinCase

from ..portal.test_crm_value_club import ClubCase


class EarningCase(ClubCase, CronMixinCase):
    """A club whose points are on the cards of a loyalty program."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.club = cls.program("loyalty", name="Club")

    @classmethod
    def way(cls, event, **vals):
        """Return a way to earn 10 points since the year began."""
        return cls.env["crm.value.earning"].create(
            {
                "name": f"Points for {event}",
                "event": event,
                "program_id": cls.club.id,
                "points": 10,
                "date_from": "2025-01-01",
                "company_id": cls.company.id,
                **vals,
            }
        )

    def run_cron(self):
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("crm_value_addon.ir_cron_gifts").method_direct_trigger()
        self.env.invalidate_all()

    def points(self, customer):
        cards = self.env["loyalty.card"].search([("program_id", "=", self.club.id), ("partner_id", "=", customer.id)])
        self.assertLessEqual(len(cards), 1)
        # Odoo's own history says the same as the card
        self.assertAlmostEqual(
            sum(cards.history_ids.mapped("issued")) - sum(cards.history_ids.mapped("used")), cards.points
        )
        return cards.points

    def known(self, name="Customer", amount=1000, **vals):
        """Return a customer that bought a year ago, and now."""
        customer = self.customer(name, **vals)
        self.invoice(customer, "2024-06-28", 50)
        self.last_invoice = self.invoice(customer, "2025-06-01", amount)
        self.refresh()
        return customer

from odoo.tools import SQL

from ..common import TODAY, ValueCase

NAMES = [
    "account_move_crm_value_customer_idx",
    "account_move_line_crm_value_open_idx",
    "account_payment_crm_value_open_idx",
    "res_partner_crm_value_customer_idx",
    "res_partner_crm_value_user_idx",
]


class TestConcurrentIndex(ValueCase):
    """The indexes on Odoo's own tables, built after the installation: at work in tests/machines/test_upgrade.py."""

    def drop(self, name):
        self.env.cr.execute(SQL("DROP INDEX %s", SQL.identifier(name)))

    def test_the_installation_leaves_them_behind(self):
        self.assertEqual(self.env["crm.value.health"]._missing_indexes(), [])

    def test_a_missing_one_is_told(self):
        self.Refresh._refresh_company()
        self.assertEqual(self.env["crm.value.health"]._check(self.company)["problems"], [])
        for count, name in enumerate(NAMES, 1):
            self.drop(name)
            self.assertEqual(self.env["crm.value.health"]._missing_indexes(), NAMES[:count])
            problems = self.env["crm.value.health"]._check(self.company)["problems"]
            self.assertEqual(len(problems), count)
            self.assertIn(name, problems[-1])

    def test_one_of_another_definition_is_told(self):
        self.env.cr.execute(SQL("COMMENT ON INDEX %s IS 'INDEX (id)'", SQL.identifier(NAMES[1])))
        self.assertEqual(self.env["crm.value.health"]._missing_indexes(), [NAMES[1]])

    def test_one_built_by_hand_is_kept(self):
        self.drop(NAMES[0])
        self.env.cr.execute(SQL("CREATE INDEX %s ON account_move (commercial_partner_id)", SQL.identifier(NAMES[0])))
        self.assertEqual(self.env["crm.value.health"]._missing_indexes(), [])

    def test_figures_are_right_without_them(self):
        acme = self.customer("Acme")
        self.invoice(acme, TODAY)
        self.invoice(acme, "2025-03-01")
        self.refresh()
        before = self.stored()
        self.assertEqual(self.value(acme).purchase_count, 2)
        self.value(acme).unlink()
        for name in NAMES:
            self.drop(name)
        self.refresh()
        self.assertEqual(self.stored(), before)

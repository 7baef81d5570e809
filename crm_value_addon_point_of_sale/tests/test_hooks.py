from odoo.addons.crm_value_addon.tests.common_hooks import HooksCase


class TestHooks(HooksCase):
    """Here, because with the till all addons beside crm_value_addon are tested in one database."""

    def test_the_tables_of_the_addons_beside_are_true(self):
        beside = self.env["ir.module.module"].search(
            [("name", "=like", "crm_value_addon\\_%"), ("state", "=", "installed")]
        )
        self.assertIn("crm_value_addon_point_of_sale", beside.mapped("name"))
        for addon in sorted(beside.mapped("name")):
            with self.subTest(addon=addon):
                self.assert_table_is_true(addon)

from odoo.addons.crm_value_addon.tests.common_hooks import HooksCase


class TestHooks(HooksCase):
    """Here, because with the till all addons beside crm_value_addon are tested in one database."""

    def test_the_tables_of_the_addons_beside_are_true(self):
        for addon in sorted(self.tables.keys() - {"crm_value_addon", "crm_value_addon_queue_job"}):
            with self.subTest(addon=addon):
                self.assertTrue(self.env["ir.module.module"]._get(addon).state == "installed", addon)
                self.assert_table_is_true(addon)

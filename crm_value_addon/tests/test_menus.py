from odoo.tests import new_test_user, tagged

from .common import ValueCase

GROUPS = {
    "crm_value_menu_crm": ["Dashboard", "Customers", "Follow-ups", "Pipeline by Value"],
    "crm_value_menu_reporting": [
        "Customer Equity",
        "What If",
        "Purchases",
        "Lost Items",
        "Shrinking Customers",
        "Expected Demand",
        "Tier Changes",
        "Cost of Tiers",
        "What Is Owed",
        "Follow-up Results",
        "Gifts",
        "Feedback",
        "Targets",
    ],
    "crm_value_menu_settings": [
        "Loyalty Tiers",
        "Rebates",
        "RFM Segments",
        "Follow-up Rules",
        "Interests",
        "Feedback Kinds",
        "Prediction Models",
        "Refreshes",
        "Export and Import",
        "Opening Purchases",
        "Opening Tiers and Points",
    ],
}


@tagged("post_install", "-at_install")
class TestMenus(ValueCase):
    """What is used every day, what looks back, and what is set up once lie apart."""

    def _seen(self, user, root, debug=False):
        Menu = self.env["ir.ui.menu"].with_user(user)
        visible = Menu._visible_menu_ids(debug)
        root = self.env.ref(f"crm_value_addon.{root}")
        return [menu.name for menu in root.child_id.sorted("sequence") if {menu.id, root.id} <= visible]

    def test_a_manager_sees_three_groups(self):
        manager = new_test_user(self.env, "menu_manager", "sales_team.group_sale_manager")
        for root, names in GROUPS.items():
            self.assertEqual(self._seen(manager, root), names)

    def test_a_seller_sees_neither_margins_nor_configuration(self):
        seller = new_test_user(self.env, "menu_seller", "sales_team.group_sale_salesman")
        self.assertEqual(self._seen(seller, "crm_value_menu_crm"), GROUPS["crm_value_menu_crm"])
        self.assertEqual(
            self._seen(seller, "crm_value_menu_reporting"),
            ["Purchases", "Lost Items", "Shrinking Customers", "Expected Demand", "Tier Changes", "Gifts", "Feedback"],
        )
        self.assertFalse(self._seen(seller, "crm_value_menu_settings"))

    def test_margins_at_posting_are_for_developers(self):
        manager = new_test_user(self.env, "menu_developer", "sales_team.group_sale_manager")
        self.assertIn("Margins at Posting", self._seen(manager, "crm_value_menu_settings", debug=True))

    def test_a_menu_and_its_window_have_one_name(self):
        """One thing, one entry, one name."""
        actions = []
        for root in GROUPS:
            for menu in self.env.ref(f"crm_value_addon.{root}").child_id:
                self.assertEqual(menu.name, menu.action.name)
                actions.append(menu.action)
        self.assertEqual(len(actions), len(set(actions)))

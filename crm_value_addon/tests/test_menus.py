from lxml import etree

from odoo.tests import new_test_user, tagged

from .common import ValueCase

GROUPS = {
    "crm_value_menu_crm": ["Dashboard", "Customers", "Follow-ups", "Pipeline by Value"],
    "crm_value_menu_reporting": [
        "Customer Equity",
        "Purchases",
        "What Customers Buy",
        "Tier Changes",
        "Cost of Tiers",
        "Follow-up Results",
        "Feedback",
        "Scorecards",
        "Targets",
    ],
    "crm_value_menu_settings": [
        "Loyalty Tiers",
        "RFM Segments",
        "Follow-up Rules",
        "Feedback Kinds",
        "Prediction Models",
        "Refreshes",
        "Export and Import",
    ],
}
#: what has no entry of its own → the view whose buttons open it
BEHIND = {
    "crm_value_what_if_action": "crm_value_equity_view_form",
    "crm_value_liability_action": "crm_value_equity_view_form",
    "crm_value_snapshot_action": "crm_value_equity_view_form",
    "crm_value_product_action_shrinking": "crm_value_product_view_list",
    "crm_value_demand_action": "crm_value_product_view_list",
    "crm_value_grant_action": "crm_value_tier_change_view_list",
    "crm_value_draw_action": "crm_value_tier_change_view_list",
    "crm_value_earning_action": "crm_value_benefit_view_list",
    "crm_value_rebate_action": "crm_value_benefit_view_list",
    "crm_value_snapshot_action_rhythm": "crm_value_scorecard_view_list",
    "crm_value_cohort_action": "crm_value_purchase_view_list",
    "crm_value_action_cost_by_age": "crm_value_view_list",
    "crm_value_benefit_action": "crm_value_tier_view_list",
    "crm_value_tier_lock_action": "crm_value_tier_view_list",
    "crm_value_interest_action": "crm_value_feedback_kind_view_list",
    "crm_value_feedback_action_complaints": "crm_value_feedback_view_list",
    "crm_value_departure_action": "crm_value_feedback_view_list",
    "crm_value_feedback_cause_action": "crm_value_feedback_kind_view_list",
    "crm_value_leaving_reason_action": "crm_value_feedback_kind_view_list",
    "res_partner_action_key_accounts": "crm_value_view_list",
    "crm_value_opening_action": "crm_value_configuration_view_form",
    "crm_value_opening_standing_action": "crm_value_configuration_view_form",
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
            ["Purchases", "What Customers Buy", "Tier Changes", "Feedback", "Scorecards"],
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

    def test_what_has_no_entry_has_a_button(self):
        for action, view in BEHIND.items():
            action = self.env.ref(f"crm_value_addon.{action}")
            arch = etree.fromstring(self.env.ref(f"crm_value_addon.{view}").arch)
            buttons = {button.get("name") for button in arch.iter("button") if button.get("type") == "action"}
            self.assertIn(str(action.id), buttons, action.name)

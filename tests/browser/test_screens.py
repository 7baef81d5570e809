"""Every screen of an administrator, and the recomputation from the Action menus."""

import re

import pytest
from playwright.sync_api import expect

VIEWS = {
    "crm_value_action": ("list", "kanban", "graph", "pivot"),
    "crm_value_purchase_action": ("list", "kanban", "graph", "pivot"),
    "crm_value_document_action": ("list",),
    "crm_value_run_action": ("list",),
}
RENDERED = {
    "list": ".o_data_row",
    "kanban": ".o_kanban_record:not(.o_kanban_ghost)",
    "graph": ".o_graph_renderer canvas",
    "pivot": ".o_pivot_table td, .o_pivot td",
}


@pytest.fixture(scope="module")
def customer_id(site):
    return site.call("res.partner", "search", domain=[("name", "=", "Corner Lantern Cafés")])[0]


def recompute(page, shown=r"The values? of .* recomputed"):
    page.locator(".o_cp_action_menus button:has(.fa-cog)").first.click()
    page.locator(
        ".o-dropdown--menu .o-dropdown-item, .o-dropdown--menu .dropdown-item", has_text="Recompute customer value"
    ).first.click()
    expect(page.locator(".o_notification").first).to_contain_text(re.compile(shown))


def test_all_views_render(visit):
    visitor = visit("admin")
    for action, kinds in VIEWS.items():
        visitor.open_action(f"crm_value_addon.{action}")
        for kind in kinds:
            if len(kinds) > 1:
                visitor.page.locator(f"button.o_switch_view.o_{kind}").click()
            visitor.page.wait_for_selector(RENDERED[kind])


def test_an_administrator_sees_values_and_margins(visit):
    visitor = visit("admin")
    page = visitor.page
    visitor.open_action("crm_value_addon.crm_value_action")
    page.locator(".o_data_row td[name=partner_id]").first.click()
    page.wait_for_selector(".o_form_view .o_field_widget[name=clv]")
    assert visitor.figure("clv").startswith("$")
    page.locator("div:has(> .o_field_widget[name=margin_total]) > button").click()
    page.wait_for_selector("th[data-name=margin]")


def test_settings(visit):
    visitor = visit("admin")
    visitor.page.goto("/odoo/settings")
    visitor.page.locator(".settings_tab .tab", has_text="Customer Value").click()
    expect(visitor.page.locator(".o_field_widget[name=value_horizon_months] input")).to_have_value("36")


def test_recomputing_from_the_action_menus(visit, site, customer_id):
    visitor = visit("admin")
    page = visitor.page
    visitor.open(f"/odoo/contacts/{customer_id}")
    recompute(page)
    visitor.open("/odoo/contacts")
    page.locator(".o_data_row .o_list_record_selector input").first.click()
    recompute(page)
    order_id = site.call("sale.order", "search", domain=[("state", "=", "sale")], limit=1)[0]
    visitor.open(f"/odoo/action-sale.action_orders/{order_id}")
    recompute(page)


def test_each_company_has_its_own_values(visit, site):
    [value] = site.call(
        "crm.value",
        "search_read",
        domain=[("partner_id.name", "=", "Meridian Hotels Group"), ("company_id.name", "!=", "YourCompany")],
        fields=["revenue_total", "company_id", "partner_id"],
        context={"allowed_company_ids": [1, 2]},
    )
    visitor = visit("admin", company_id=value["company_id"][0])
    visitor.open(f"/odoo/contacts/{value['partner_id'][0]}")
    visitor.page.locator(".o_notebook .nav-link", has_text="Customer Value").click()
    assert visitor.figure("revenue_total") == f"$ {value['revenue_total']:,.2f}"

"""A salesperson's way from the list of contacts to the invoices behind a figure; "demo" may not see margins."""

from playwright.sync_api import expect

BEST = "Meridian Hotels Group"
REGULAR = "Corner Lantern Cafés"


def names(page):
    return page.locator(".o_data_row td[name=complete_name]").all_inner_texts()


def open_value(visitor, customer, tab=False):
    """From a search in Contacts to the value of a customer."""
    page = visitor.page
    page.locator(".o_searchview_input").fill(customer)
    # not Enter: it is lost while the suggestions are being made
    page.get_by_role("menuitem", name=f"Search Name for: {customer}").click()
    expect(page.locator(".o_facet_value")).to_have_text(customer)
    page.locator(".o_kanban_record:not(.o_kanban_ghost), td[name=complete_name]", has_text=customer).first.click()
    if tab:
        page.locator(".o_notebook .nav-link", has_text="Customer Value").click()
    page.locator("button[name=action_open_value]:visible").last.click()
    page.wait_for_selector(".o_form_view .o_field_widget[name=revenue_previous_year]")


def test_contacts_are_sorted_by_revenue(visit):
    visitor = visit("demo")
    page = visitor.page
    visitor.open("/odoo/contacts")
    page.locator("th[data-name=revenue_12m]").click()
    expect(page.locator("th[data-name=revenue_12m].table-active")).to_be_attached()
    page.locator("th[data-name=revenue_12m]").click()
    expect(page.locator(".o_data_row td[name=complete_name]").first).to_contain_text(BEST)
    assert all(BEST in name for name in names(page)[:4])
    assert page.locator("th[data-name=clv]").count() == 0


def test_from_a_customer_to_the_invoices(visit):
    visitor = visit("demo")
    page = visitor.page
    visitor.open("/odoo/contacts")
    open_value(visitor, REGULAR)
    revenue = visitor.figure("revenue_12m")
    for hidden in ("clv", "margin_total", "realised_value"):
        assert page.locator(f".o_field_widget[name={hidden}]").count() == 0
    page.locator(
        "button[name=action_open_purchases][context*=revenue_12m], "
        "div:has(> .o_field_widget[name=revenue_12m]) > button"
    ).first.click()
    page.wait_for_selector(".o_list_view .o_data_row")
    expect(page.locator("tfoot")).to_contain_text(revenue)
    page.locator(".o_data_row td[name=date]").first.click()
    page.wait_for_selector(
        ".o_list_view .o_data_row td[name=amount_untaxed_in_currency_signed], .o_list_view .o_data_row td[name=name]"
    )
    page.locator(".o_data_row td[name=name]").first.click()
    expect(page.locator(".o_form_view .o_field_widget[name=partner_id]").first).to_contain_text(REGULAR)


def test_on_a_phone(visit):
    visitor = visit("demo", on_phone=True)
    page = visitor.page
    visitor.open("/odoo/contacts")
    page.locator(".o_control_panel button:has(.fa-search)").click()
    open_value(visitor, REGULAR, tab=True)
    assert visitor.figure("revenue_12m").startswith("$")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("div:has(> .o_field_widget[name=revenue_12m]) > button").click()
    page.locator(".o_kanban_view .o_kanban_record:not(.o_kanban_ghost)").first.click()
    expect(page.locator(".o_control_panel, .o_navbar_breadcrumbs, .o_main_navbar").first).to_contain_text("Documents")
    page.locator(".o_kanban_view .o_kanban_record:not(.o_kanban_ghost), .o_data_row td[name=name]").first.click()
    expect(page.locator(".o_form_view")).to_contain_text("INV/")


def test_the_filters_and_groups_on_contacts(visit):
    visitor = visit("demo")
    page = visitor.page
    visitor.open("/odoo/contacts")
    page.locator(".o_searchview_dropdown_toggler").click()
    page.locator(".o_filter_menu .o_menu_item", has_text="Bought once").click()
    expect(page.locator(".o_list_view")).to_contain_text("Hank Mercer")
    page.locator(".o_group_by_menu .o_menu_item", has_text="Number of purchases").click()
    expect(page.locator(".o_group_header")).to_have_count(1)

"""The dashboard, by the menu and by clicking through its numbers to the lists behind them."""

import re

import pytest
from playwright.sync_api import expect

HIDDEN = re.compile(r"margin|CLV|equity|lifetime value", re.IGNORECASE)


@pytest.fixture(scope="module", autouse=True)
def fitted(site):
    """A fit with its backtest, and the figures refreshed with it."""
    site.call("crm.value.fit", "action_fit_now")
    site.run_cron("crm_value_addon.ir_cron_refresh_all")


def open_dashboard(visitor):
    visitor.page.goto("/odoo/action-crm_value_addon.action_value_dashboard")
    visitor.page.wait_for_selector(".o_value_dashboard [data-section=tier_changes]")


def count_of(text):
    return int(re.search(r"\d[\d,]*", text)[0].replace(",", ""))


def go_through(visitor, selector, least=1):
    """Click every number that a selector finds; its list has as many records."""
    page = visitor.page
    found = page.locator(selector).count()
    assert found >= least, selector
    for number in range(found):
        button = page.locator(selector).nth(number)
        shown = count_of(
            button.get_attribute("aria-label").rsplit(":", 1)[-1]
            if button.get_attribute("aria-label")
            else button.inner_text()
        )
        button.click()
        page.wait_for_selector(".o_list_view, .o_kanban_view")
        if shown:
            expect(page.locator(".o_pager_limit")).to_have_text(str(shown))
        else:
            expect(page.locator(".o_pager_limit")).to_have_count(0)
        page.go_back()
        page.wait_for_selector(".o_value_dashboard [data-section=tier_changes]")


def test_a_manager_opens_it_by_the_menu(visit):
    visitor = visit("admin")
    page = visitor.page
    page.locator(".o_navbar_apps_menu button").click()
    page.get_by_role("menuitem", name="CRM", exact=True).click()
    page.locator(".o_menu_sections button", has_text="Customer Value").click()
    page.get_by_role("menuitem", name="Dashboard", exact=True).click()
    page.wait_for_selector(".o_value_dashboard canvas")
    expect(page.locator("[data-tile=equity] h2")).to_have_text("Customer equity")
    expect(page.locator("[data-section=tiers] thead")).to_contain_text("CLV")
    expect(page.locator("[data-section=forecast]")).to_contain_text("that it had not seen")
    expect(page.locator("[role=status]").first).to_contain_text("Figures are")


def test_what_is_at_stake_opens_its_rows(visit):
    visitor = visit("admin")
    open_dashboard(visitor)
    section = visitor.page.locator("[data-section=products]")
    amount = section.locator("button.fs-3").first
    expect(amount).to_be_visible()
    shown = count_of(section.locator(".text-muted").first.inner_text())
    assert shown > 0
    amount.click()
    visitor.page.wait_for_selector(".o_list_view")
    expect(visitor.page.locator(".o_pager_limit")).to_have_text(str(shown))


def test_numbers_open_lists_of_as_many(visit):
    visitor = visit("admin")
    open_dashboard(visitor)
    go_through(visitor, "[data-tile=active] button", 4)
    go_through(visitor, "[data-section=tiers] tbody td:nth-child(2) button", 4)
    go_through(visitor, "[data-section=lifecycle] li button", 8)
    go_through(visitor, "[data-section=cohorts] tbody tr:first-child button", 2)
    go_through(visitor, "[data-section=tier_changes] tbody button")


def test_the_grid_a_call_and_the_backtest(visit):
    visitor = visit("admin")
    page = visitor.page
    open_dashboard(visitor)
    go_through(visitor, "[data-section=rfm] tbody tr:first-child button", 0)
    page.locator("[data-section=calls] li button").first.click()
    expect(page.locator(".o_form_view .o_field_widget[name=partner_id]").first).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Open the backtest").click()
    expect(page.locator(".o_form_view .o_notebook")).to_be_visible()


def test_the_period_stays_on_the_way_back(visit):
    visitor = visit("admin")
    page = visitor.page
    open_dashboard(visitor)
    page.get_by_role("button", name="Last 12 months", exact=True).click()
    expect(page.locator("[data-tile=active]")).to_contain_text("Last 12 months")
    page.locator("[data-figure=bought]").click()
    page.wait_for_selector(".o_list_view")
    page.locator(".o_breadcrumb a, .o_back_button").first.click()
    expect(page.locator("[data-tile=active]")).to_contain_text("Last 12 months")


def test_with_the_keyboard(visit):
    visitor = visit("admin")
    page = visitor.page
    open_dashboard(visitor)
    page.locator("[data-section=trend] summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".o_list_view .o_data_row")


def test_a_seller_sees_revenue_only(visit):
    visitor = visit("demo")
    page = visitor.page
    answers = []
    page.on("response", lambda response: "read_dashboard" in response.url and answers.append(response.text()))
    open_dashboard(visitor)
    expect(page.locator("[data-tile=equity] h2")).to_have_text("Revenue, last 12 months")
    assert not HIDDEN.search(page.locator(".o_value_dashboard_content").inner_text())
    [answer] = answers
    assert not re.search(r"clv|equity|realised|\"margin\":", answer)
    go_through(visitor, "[data-tile=at_risk] p button, [data-section=lifecycle] li button", 8)


@pytest.mark.parametrize("login", ["admin", "demo"])
def test_on_a_phone(visit, login):
    visitor = visit(login, on_phone=True)
    page = visitor.page
    open_dashboard(visitor)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    content = page.locator(".o_value_dashboard_content")
    assert content.evaluate("element => element.scrollWidth") <= 390
    for card in page.locator(".o_value_dashboard .card").all():
        box = card.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    page.locator("[data-tile=active] .fs-2").tap()
    page.wait_for_selector(".o_kanban_view .o_kanban_record:not(.o_kanban_ghost)")


def test_in_the_dark(visit, site):
    visitor = visit("admin")
    visitor.context.add_cookies([{"name": "color_scheme", "value": "dark", "url": site.url}])
    open_dashboard(visitor)
    expect(visitor.page.locator(".o_value_dashboard canvas")).to_have_count(2)


def test_from_right_to_left(visit, site):
    [language] = site.call("res.lang", "search", domain=[("code", "=", "ar_001"), ("active", "in", [True, False])])
    [wizard] = site.call("base.language.install", "create", vals_list=[{"lang_ids": [(6, 0, [language])]}])
    site.call("base.language.install", "lang_install", ids=[wizard])
    user = site.create_user("reader", "sales_team.group_sale_manager")
    site.call("res.users", "write", ids=[user], vals={"lang": "ar_001", "odoobot_state": "disabled"})
    visitor = visit("reader")
    open_dashboard(visitor)
    page = visitor.page
    # Without rtlcss Odoo does not turn its own styles round; ours follow the direction of the page.
    page.evaluate("document.querySelector('.o_value_dashboard_content').style.direction = 'rtl'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1400
    content = page.locator(".o_value_dashboard_content")
    assert content.evaluate("element => element.scrollWidth <= element.clientWidth")
    label, bar = (
        page.locator(f"[data-section=lifecycle] li:first-child {part}").bounding_box()["x"]
        for part in (".o_value_label", ".o_value_bar_high")
    )
    assert label > bar
    expect(page.locator(".o_value_dashboard canvas")).to_have_count(2)

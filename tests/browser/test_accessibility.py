"""What axe-core, the checker of accessibility that browsers' own tools use, finds on our screens: nothing."""

import subprocess
from pathlib import Path

import pytest

VERSION = "axe-core@4.10.3"
_NODE = Path(__file__).parents[2] / ".odoo" / "axe"
#: Odoo's own notebook has no role tablist around its tabs
_OF_ODOO = {"aria-required-parent"}


@pytest.fixture(scope="module")
def axe():
    """Return the source of axe-core, from npm's registry the first time."""
    source = _NODE / "node_modules" / "axe-core" / "axe.min.js"
    if not source.exists():
        command = ["npm", "install", "--prefix", str(_NODE), "--no-save", "--no-audit", "--no-fund", VERSION]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"axe-core could not be installed: {error}")
    return source.read_text()


def found(page, axe, within):
    """Return what axe finds within an element: rule, and the first element that breaks it."""
    page.evaluate(axe)
    violations = page.evaluate("within => axe.run(within)", within)["violations"]
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in violations if one["id"] not in _OF_ODOO]


#: what is read on the way: each has cards for a phone
CARDS = (
    "crm_lead_action_by_value",
    "crm_value_action",
    "crm_value_benefit_action",
    "crm_value_departure_action_unanswered",
    "crm_value_earning_action",
    "crm_value_feedback_action",
    "crm_value_followup_action",
    "crm_value_followup_rule_action",
    "crm_value_followup_rule_action_results",
    "crm_value_liability_action",
    "crm_value_opening_action",
    "crm_value_product_action",
    "crm_value_product_action_shrinking",
    "crm_value_purchase_action",
    "crm_value_rebate_action",
    "crm_value_run_action",
    "crm_value_scorecard_action",
    "crm_value_target_action",
    "crm_value_tier_action",
    "crm_value_tier_change_action",
    "crm_value_tier_lock_action",
    "res_partner_action_key_accounts",
)
#: what Odoo's own cards break on any screen: an article that is a link, pictures of users, signs of activities
_OF_ODOO_CARDS = {"aria-allowed-role", "image-alt", "role-img-alt"}


def test_cards_on_a_phone(visit, axe):
    """Boards and reports: nothing that axe finds is ours, and nothing is to be found sideways."""
    visitor = visit("admin", on_phone=True)
    page = visitor.page
    for action in CARDS:
        visitor.open_action(f"crm_value_addon.{action}")
        page.wait_for_selector(".o_kanban_renderer .o_kanban_record:not(.o_kanban_ghost)")
        page.evaluate(axe)
        # badges have Odoo's colours
        result = page.evaluate("() => axe.run({include: ['.o_kanban_renderer'], exclude: ['.badge', '.o_m2o_avatar']})")
        broken = [(one["id"], one["nodes"][0]["html"][:200]) for one in result["violations"]]
        assert [one for one in broken if one[0] not in _OF_ODOO | _OF_ODOO_CARDS] == [], action
        wide, seen = page.evaluate(
            "() => { const board = document.querySelector('.o_kanban_renderer');"
            " return [board.scrollWidth, board.clientWidth]; }"
        )
        assert wide <= seen + 1, action


def test_a_complaint_and_why_they_leave(visit, axe):
    visitor = visit("admin")
    page = visitor.page
    for action in ("crm_value_feedback_action", "crm_value_departure_action_unanswered"):
        visitor.open_action(f"crm_value_addon.{action}")
        page.locator(".o_data_row td.o_data_cell").first.click()
        page.wait_for_selector(".o_form_sheet")
        broken = found(page, axe, ".o_form_sheet")
        assert [one for one in broken if one[0] not in _OF_ODOO_CARDS] == [], action


def test_the_dashboard(visit, axe):
    visitor = visit("admin")
    visitor.page.goto("/odoo/customer-value")
    visitor.page.wait_for_selector(".o_value_dashboard canvas")
    assert found(visitor.page, axe, ".o_value_dashboard") == []


def test_the_page_of_a_customer(visit, site, axe):
    visitor = visit("admin")
    [value] = site.call("crm.value", "search", domain=[("lifecycle_stage", "=", "at_risk")], limit=1)
    visitor.page.goto(f"/odoo/crm.value/{value}")
    visitor.page.wait_for_selector(".o_customer_page [data-part=actions]")
    assert found(visitor.page, axe, ".o_form_sheet") == []


#: the pages of a customer, and what must be there before they are judged; the referral link is on the first
CUSTOMER_PAGES = (
    ("/my/loyalty", "[name=loyalty_referral] .o_crm_value_copy"),
    ("/my/loyalty/card", "[name=membership_card] img"),
    ("/my/loyalty/messages", "form[action='/my/loyalty/messages']"),
)


@pytest.mark.parametrize("on_phone", [False, True])
def test_the_pages_of_the_club(visit, axe, on_phone):
    visitor = visit("portal", on_phone=on_phone)
    for path, shown in CUSTOMER_PAGES:
        visitor.page.goto(path)
        visitor.page.wait_for_selector(shown)
        assert found(visitor.page, axe, "#wrap") == [], path
        wide, seen = visitor.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= seen, path


def test_nothing_of_ours_scrolls_sideways_on_a_phone(visit, site):
    visitor = visit("demo", on_phone=True)
    [value] = site.call("crm.value", "search", domain=[("lifecycle_stage", "=", "at_risk")], limit=1)
    for path, shown in (
        ("/odoo/customer-value", ".o_value_dashboard canvas"),
        (f"/odoo/crm.value/{value}", ".o_customer_page [data-part=actions]"),
    ):
        visitor.page.goto(path)
        visitor.page.wait_for_selector(shown)
        wider = visitor.page.evaluate(
            """() => [...document.querySelectorAll(".o_customer_page *, .o_value_dashboard *")]
                .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
                .filter((one) => !one.closest(".table-responsive"))
                .map((one) => one.outerHTML.slice(0, 120))"""
        )
        assert wider == [], path


def test_whom_to_call_is_two_clicks_from_the_pipeline(visit):
    page = visit("admin").page
    page.goto("/odoo/crm")
    page.locator(".o_menu_sections button", has_text="Customer Value").click()
    page.get_by_role("menuitem", name="Dashboard", exact=True).click()
    page.wait_for_selector("[data-section=calls] li")
    assert page.locator("[data-section=calls] a.o_value_call").first.get_attribute("href").startswith("tel:")

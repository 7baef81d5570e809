"""Takes the pictures of the documents in a browser: take_pictures.py URL [NAME…]; see scripts/pictures."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
DESCRIPTION = ROOT / "crm_value_addon" / "static" / "description"
TOUR = ROOT / "docs" / "tour"
DESKTOP = {"viewport": {"width": 1400, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
#: the first page of a fresh database waits for its assets to be built
_SECONDS = 120
_BEST = "Corner Lantern Cafés"


class Camera:
    """A browser window of somebody who is logged in, and the file that its picture goes to."""

    def __init__(self, browser, url, login="admin", **options):
        self.context = browser.new_context(base_url=url, **(options or DESKTOP))
        self.context.set_default_timeout(_SECONDS * 1000)
        self.page = self.context.new_page()
        self.page.goto("/web/login")
        self.page.fill("#login", login)
        self.page.fill("#password", login)
        self.page.press("#password", "Enter")
        self.page.wait_for_selector(".o_main_navbar, .o_portal_my_home")

    def open(self, xmlid, ready=".o_action .o_view_controller, .o_action .o_control_panel"):
        self.page.goto(f"/odoo/action-{xmlid}")
        self.page.wait_for_selector(ready)

    def open_customer(self, name=_BEST):
        self.open("crm_value_addon.crm_value_action")
        self.page.locator(".o_searchview_input").fill(name)
        self.page.keyboard.press("Enter")
        self.page.locator(".o_data_row td[name=partner_id]", has_text=name).first.click()
        self.page.wait_for_selector(".o_customer_page[aria-busy=false]")

    def shoot(self, path, element=None):
        """Write the picture of the window, or of an element, once nothing moves on it any more."""
        self.page.wait_for_timeout(1500)  # charts and pictures arrive after their view
        self.page.wait_for_selector(".o_loading_indicator", state="hidden")
        self.page.evaluate(
            "document.querySelectorAll('.o_notification_close, .o-mail-ChatHub').forEach((x) => x.remove())"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        target = self.page.locator(element).first if element else self.page
        target.screenshot(path=path, animations="disabled")
        print(path.relative_to(ROOT), flush=True)


def contacts(camera):
    camera.open("contacts.action_contacts")
    camera.page.locator(".o_switch_view.o_list").click()
    heading = camera.page.locator("th[data-name=revenue_12m], th[data-name=value_revenue_12m]").first
    heading.click()
    camera.page.wait_for_timeout(500)
    heading.click()
    camera.shoot(DESCRIPTION / "contacts.png")


def dashboard(camera):
    camera.open("crm_value_addon.action_value_dashboard", "[data-section=customers]")
    camera.shoot(DESCRIPTION / "dashboard.png")
    camera.page.locator("[data-section=calls]").scroll_into_view_if_needed()
    camera.shoot(TOUR / "calls.png", "[data-section=calls]")


def dashboard_phone(camera):
    camera.open("crm_value_addon.action_value_dashboard", "[data-section=customers]")
    camera.shoot(DESCRIPTION / "dashboard_phone.png")


def customer_value(camera):
    camera.open_customer()
    camera.shoot(DESCRIPTION / "customer_value.png")


def why(camera):
    camera.open_customer()
    tab = camera.page.locator(".o_notebook .nav-link", has_text="Why This Value")
    tab.click()
    tab.scroll_into_view_if_needed()
    camera.page.evaluate("document.querySelector('.o_notebook').scrollIntoView()")
    camera.shoot(TOUR / "why.png")


def pipeline(camera):
    camera.open("crm_value_addon.crm_lead_action_by_value")
    camera.page.wait_for_selector(".o_kanban_record")
    camera.shoot(DESCRIPTION / "pipeline.png")


def order(camera):
    camera.open("sale.action_quotations_with_onboarding")
    camera.page.locator(".o_data_row td[name=partner_id]").first.click()
    camera.page.wait_for_selector(".o_form_view .o_field_widget[name=partner_id]")
    camera.shoot(DESCRIPTION / "order.png")


def simulation(camera):
    camera.open("crm_value_addon.crm_value_tier_action")
    camera.page.locator(".o_data_row td[name=criteria_summary]").last.click()
    camera.page.locator("button[name=action_simulate]").click()
    camera.page.wait_for_selector(".o_form_view .o_field_widget[name=line_ids] .o_data_row")
    camera.shoot(DESCRIPTION / "simulation.png")


def rules(camera):
    camera.open("crm_value_addon.crm_value_followup_rule_action_results")
    camera.page.wait_for_selector(".o_list_view")
    camera.shoot(TOUR / "results.png")


def portal(camera):
    camera.page.goto("/my/loyalty")
    camera.page.wait_for_selector(".o_crm_value_portal, [name=loyalty_tier]")
    camera.shoot(DESCRIPTION / "portal.png")


#: name → (who takes it, how, window)
PICTURES = {
    "contacts": ("admin", contacts, DESKTOP),
    "dashboard": ("admin", dashboard, DESKTOP),
    "customer_value": ("admin", customer_value, DESKTOP),
    "why": ("admin", why, DESKTOP),
    "pipeline": ("admin", pipeline, DESKTOP),
    "order": ("admin", order, DESKTOP),
    "simulation": ("admin", simulation, DESKTOP),
    "rules": ("admin", rules, DESKTOP),
    "dashboard_phone": ("demo", dashboard_phone, PHONE),
    "portal": ("portal", portal, DESKTOP),
}


def main(url, *names):
    """Take these pictures, or all; end with an error that names what could not be taken."""
    unknown = set(names) - PICTURES.keys()
    if unknown:
        sys.exit(f"There is no picture called {', '.join(sorted(unknown))}; there are {', '.join(PICTURES)}.")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    failed = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name in names or PICTURES:
            login, take, window = PICTURES[name]
            camera = Camera(browser, url, login, **window)
            try:
                take(camera)
            except Exception as error:
                failed.append(name)
                print(f"{name}: {error}", file=sys.stderr, flush=True)
            camera.context.close()
        browser.close()
    if failed:
        sys.exit(f"Not taken: {', '.join(failed)}.")


if __name__ == "__main__":
    main(*sys.argv[1:])

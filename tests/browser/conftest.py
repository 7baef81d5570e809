"""A real browser on a real server with the demonstration data."""

import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

DESKTOP = {"viewport": {"width": 1400, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
#: the first page of a fresh database waits for its assets to be built
_SECONDS = 60
#: Debian's package of Odoo lacks this file of the video chat; a web shop asks a far away server for its fonts
_NOT_OURS = ("selfie_segmentation", "net::ERR_NAME_NOT_RESOLVED", "net::ERR_INTERNET_DISCONNECTED")

expect.set_options(timeout=_SECONDS * 1000)


@pytest.fixture(scope="session")
def site(serve):
    site = serve("demo")
    users = site.call("res.users", "search", domain=[("share", "=", False)])
    site.call("res.users", "write", ids=users, vals={"odoobot_state": "disabled"})
    return site


@pytest.fixture(scope="session")
def chromium():
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visitor:
    """Somebody with a login and a window; `page` is Playwright's."""

    def __init__(self, chromium, site, login, on_phone=False, company_id=None):
        self.site = site
        self.errors = []
        self.context = chromium.new_context(base_url=site.url, **(PHONE if on_phone else DESKTOP))
        self.context.set_default_timeout(_SECONDS * 1000)
        if company_id:
            self.context.add_cookies([{"name": "cids", "value": str(company_id), "url": site.url}])
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._hear)
        if login:
            self._log_in(login)

    def _log_in(self, login):
        self.page.goto("/web/login")
        self.page.fill("#login", login)
        self.page.fill("#password", login)
        self.page.press("#password", "Enter")
        # a customer lands in the portal
        self.page.wait_for_selector(".o_main_navbar, .o_portal_my_home")

    def _hear(self, message):
        if message.type == "error" and not any(text in message.text for text in _NOT_OURS):
            self.errors.append(message.text)

    def open(self, path):
        """Open a screen and wait until its view is there."""
        self.page.goto(path)
        self.page.wait_for_selector(".o_action .o_view_controller, .o_action .o_control_panel")

    def open_action(self, xmlid):
        self.open(f"/odoo/action-{xmlid}")

    def figure(self, name):
        """Return the text of a field of the form."""
        text = self.page.locator(f".o_form_view .o_field_widget[name={name}]").first.inner_text()
        return text.replace("\xa0", " ").strip()


@pytest.fixture
def visit(chromium, request):
    """Return a function that logs somebody in, nobody for None; what the console called an error fails the test."""
    visitors = []

    def log_in(login, at=None, **options):
        visitors.append(Visitor(chromium, at or request.getfixturevalue("site"), login, **options))
        return visitors[-1]

    yield log_in
    for visitor in visitors:
        visitor.context.close()
    assert not [error for visitor in visitors for error in visitor.errors]

"""Whoever works in Chinese finds no English text of ours on our screens."""

import re
from functools import cache
from pathlib import Path

import polib
import pytest

LANGUAGE = "zh_CN"
LOGIN = "chinese"
MODULES = ("crm_value_addon",)
ROOT = Path(__file__).parents[2]
#: what a visible element says: its text nodes, and what is read aloud or shown beside the mouse; not what was written
#: into the chatter before there was a second language
_SAID = """() => {
    const said = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (node.nodeType === Node.TEXT_NODE) {
            const parent = node.parentElement;
            if (parent.checkVisibility() && !parent.closest("script, style, .o-mail-Message, .o-mail-Activity")) {
                said.push(node.textContent);
            }
        } else if (node.checkVisibility()) {
            for (const name of ["title", "placeholder", "aria-label", "data-tooltip", "alt"]) {
                said.push(node.getAttribute(name) || "");
            }
        }
    }
    return said;
}"""
_LEAST_LETTERS = 2
#: "%(count)s customers" would match the name of a pricelist
_LEAST_IN_PATTERN = 12


def spaced(text):
    return " ".join(text.split())


@cache
def english():
    """Return our English texts that the translation says in another way: as they are, and as patterns."""
    exact, patterns = set(), []
    for module in MODULES:
        for entry in polib.pofile(str(ROOT / module / "i18n" / f"{LANGUAGE}.po")):
            for source in pieces(entry.msgid) - pieces(entry.msgstr):
                if re.search(r"%\(\w+\)[sdf]|\{\w+\}", source):
                    patterns.append(pattern(source))
                else:
                    exact.add(source)
    return exact, [found for found in patterns if found]


def pieces(text):
    """Return the text nodes of a text with tags."""
    return {
        spaced(piece) for piece in re.split(r"<[^>]*>", text) if len(re.findall(r"[A-Za-z]", piece)) >= _LEAST_LETTERS
    }


def pattern(source):
    """Return the pattern of a text with placeholders, None for one that says next to nothing itself."""
    fixed = re.split(r"%\(\w+\)[sdf]|\{\w+\}", source)
    if sum(len(re.findall(r"[A-Za-z]", part)) for part in fixed) < _LEAST_IN_PATTERN:
        return None
    return re.compile(".+?".join(re.escape(part.replace("%%", "%")) for part in fixed))


class Reader:
    """Walks through screens and writes down in `found` where it read which text of ours in English.

    :param written: texts that the database holds from the time before there was a second language
    """

    def __init__(self, visitor, written=()):
        self.page = visitor.page
        self.written = {spaced(text) for text in written}
        self.found = set()

    def go(self, path):
        """Open a screen, or a dialogue on top of none."""
        self.page.goto(path)
        self.page.wait_for_selector(".o_action .o_view_controller, .o_action .o_control_panel, .modal-content")

    def read(self, where):
        self.page.wait_for_timeout(300)
        exact, patterns = english()
        said = {spaced(text) for text in self.page.evaluate(_SAID)} - {""} - self.written
        left = {text for text in said if text in exact or any(item.fullmatch(text) for item in patterns)}
        self.found |= {(where, text) for text in left}

    def look(self, where):
        """Read what is on the screen, in all tabs of a form and in the search menu."""
        self.read(where)
        tabs = self.page.locator(".o_form_view .o_notebook .nav-link:visible")
        for number in range(tabs.count()):
            tabs.nth(number).click()
            self.read(where)
        toggler = self.page.locator(".o_searchview_dropdown_toggler:visible")
        if toggler.count():
            toggler.first.click()
            self.page.wait_for_selector(".o_search_bar_menu")
            self.read(where)
            self.page.keyboard.press("Escape")

    def look_at_views(self, action):
        """Look at each view of an action, and at its first record."""
        self.go(f"/odoo/action-{action}")
        kinds = [
            kind for kind in ("kanban", "graph", "pivot") if self.page.locator(f"button.o_switch_view.o_{kind}").count()
        ]
        self.look(action)
        if self.page.locator(".o_data_row").count():
            self.page.locator(".o_data_row td.o_data_cell:not(.o_list_record_selector)").first.click()
            self.page.wait_for_timeout(500)
            self.look(f"{action}, first record")
        for kind in kinds:
            self.go(f"/odoo/action-{action}")
            self.page.locator(f"button.o_switch_view.o_{kind}").click()
            self.page.wait_for_selector(f".o_{kind}_view, .o_{kind}_renderer")
            self.look(f"{action}, {kind}")


@pytest.fixture(scope="module")
def chinese(site):
    """Install the language as an administrator does, and let a manager work in it."""
    [language] = site.call("res.lang", "search", domain=[("code", "=", LANGUAGE)], context={"active_test": False})
    wizard = site.call("base.language.install", "create", vals_list=[{"lang_ids": [(6, 0, [language])]}])
    site.call("base.language.install", "lang_install", ids=wizard)
    site.create_user(LOGIN, "sales_team.group_sale_manager", "base.group_system", lang=LANGUAGE)


@pytest.fixture
def reader(visit, site, chinese):
    rows = [
        row
        for model in ("mail.activity", "crm.value.followup")
        for row in site.call(model, "search_read", domain=[], fields=["summary"])
    ]
    return Reader(visit(LOGIN), [row["summary"] for row in rows if row["summary"]])


def test_no_english_is_left_on_our_screens(reader, site):
    roots = [site.id_of(f"crm_value_addon.crm_value_menu_{group}") for group in ("crm", "reporting", "settings")]
    menus = site.call(
        "ir.ui.menu", "search_read", domain=[("id", "child_of", roots), ("action", "!=", False)], fields=["action"]
    )
    for menu in menus:
        reader.look_at_views(menu["action"].split(",")[1])
    assert not reader.found


def test_none_on_contacts_opportunities_and_orders(reader, site):
    customer = site.call("res.partner", "search", domain=[("name", "=", "Corner Lantern Cafés")])[0]
    order = site.call("sale.order", "search", domain=[("value_tier_id", "!=", False)], limit=1)[0]
    lead = site.call("crm.lead", "search", domain=[("value_tier_id", "!=", False)], limit=1)[0]
    for path in (
        "/odoo/contacts",
        f"/odoo/contacts/{customer}",
        "/odoo/crm",
        f"/odoo/crm/{lead}",
        "/odoo/action-sale.action_orders",
        f"/odoo/action-sale.action_orders/{order}",
    ):
        reader.go(path)
        reader.look(path)
    assert not reader.found


def test_none_in_the_settings(reader):
    reader.page.goto("/odoo/settings")
    reader.page.locator(".settings_tab .tab[data-key=crm_value_addon]").click()
    reader.page.wait_for_selector(".o_field_widget[name=value_horizon_months]")
    reader.look("settings")
    assert not reader.found


def test_none_on_the_loyalty_page_of_a_customer(visit, site, chinese):
    user = site.call("res.users", "search", domain=[("login", "=", "portal")])
    before = site.call("res.users", "read", ids=user, fields=["lang"])[0]["lang"]
    site.call("res.users", "write", ids=user, vals={"lang": LANGUAGE})
    try:
        visitor = visit("portal")
        # the page that a visitor has seen before he logged in decides his language
        visitor.context.add_cookies([{"name": "frontend_lang", "value": LANGUAGE, "url": site.url}])
        reader = Reader(visitor)
        for path in ("/my", "/my/loyalty"):
            reader.page.goto(path)
            reader.page.wait_for_selector(".o_portal_my_home, [name=loyalty_page]")
            reader.read(path)
        assert "等级历程" in reader.page.inner_text("[name=loyalty_page]")
    finally:
        site.call("res.users", "write", ids=user, vals={"lang": before})
    assert not reader.found


def test_it_would_be_found(visit):
    """In English the same look finds much: else the tests above could not fail."""
    reader = Reader(visit("admin"))
    reader.go("/odoo/action-crm_value_addon.crm_value_action")
    reader.look("values")
    assert {"Last Purchase", "Revenue 12 m"} <= {text for _where, text in reader.found}

"""What an administrator watches and moves: the refreshes' state, the configuration as a file, tiers on a phone."""

import json
import re

import pytest
from playwright.sync_api import expect

WIZARD = "/odoo/action-crm_value_addon.crm_value_configuration_action"
REFRESH_STALE = "crm_value_addon.ir_cron_refresh_stale"


def open_settings(visitor):
    """Open the block of settings; return the panel of the refreshes' state."""
    visitor.page.goto("/odoo/settings")
    visitor.page.locator(".settings_tab .tab[data-key=crm_value_addon]").click()
    panel = visitor.page.locator(".o_value_health")
    panel.scroll_into_view_if_needed()
    return panel


@pytest.fixture
def switched_off(site):
    """A scheduled action that somebody switched off."""
    cron = site.id_of(REFRESH_STALE)
    [name] = site.call("ir.cron", "read", ids=[cron], fields=["name"])
    site.call("ir.cron", "write", ids=[cron], vals={"active": False})
    yield name["name"]
    site.call("ir.cron", "write", ids=[cron], vals={"active": True})


# the state of the refreshes


def test_all_is_well(visit):
    visitor = visit("admin")
    panel = open_settings(visitor)
    expect(panel.locator("[role=status]")).to_contain_text("All is well.")
    expect(panel).to_contain_text(re.compile(r"Figures are .* old\."))
    row = panel.locator("tbody tr", has_text="All customers")
    expect(row.locator(".badge")).to_have_text("Done")
    assert int(row.locator("td").nth(4).inner_text()) >= 60
    expect(panel.locator("dd", has_text="next on")).to_be_visible()


def test_what_is_wrong_is_said_and_leads_there(visit, switched_off):
    visitor = visit("admin")
    page = visitor.page
    panel = open_settings(visitor)
    expect(panel.locator("[role=status]")).to_contain_text(f"The scheduled action “{switched_off}” is switched off.")
    expect(panel).not_to_contain_text("All is well.")
    expect(panel.locator("dd b")).to_have_text("switched off")
    page.locator("#value_health button", has_text="Scheduled actions").click()
    expect(page.locator(".o_data_row", has_text=switched_off)).to_be_visible()
    open_settings(visitor)
    page.locator("#value_health button", has_text="Refreshes").click()
    expect(page.locator(".o_data_row td[name=kind]").first).to_have_text(
        re.compile("All customers|New documents|Past month ends")
    )


def test_each_company_has_its_own_state(visit, site):
    counts = {}
    for company in site.call("res.company", "search", domain=[]):
        [run] = site.call(
            "crm.value.run",
            "search_read",
            domain=[("company_id", "=", company), ("kind", "=", "full"), ("state", "=", "done")],
            fields=["processed"],
            order="id desc",
            limit=1,
            context={"allowed_company_ids": [1, 2]},
        )
        visitor = visit("admin", company_id=company)
        row = open_settings(visitor).locator("tbody tr", has_text="All customers")
        expect(row.locator("td").nth(4)).to_have_text(str(run["processed"]))
        counts[company] = run["processed"]
    assert len(set(counts.values())) == 2, counts


def test_on_a_phone(visit):
    visitor = visit("admin", on_phone=True)
    panel = open_settings(visitor)
    expect(panel.locator("[role=status]")).to_contain_text("All is well.")
    table = panel.locator(".table-responsive")
    assert table.evaluate("element => element.scrollWidth <= element.clientWidth")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390


# the configuration as a file


def read(download):
    return json.loads(download.path().read_text())


def export(page):
    page.locator("button[name=action_export]").click()
    with page.expect_download() as download:
        page.locator(".o_field_widget[name=export_file] a, .o_field_widget[name=export_file] button").first.click()
    return download.value


def choose(page, name, data):
    """Choose a file in the wizard: a text, or what is written as JSON."""
    text = data if isinstance(data, str) else json.dumps(data)
    page.locator(".o_field_widget[name=import_file] input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/json", "buffer": text.encode()}
    )
    expect(page.locator(".o_field_widget[name=import_file] input[type=text]")).to_have_value(name)


def refused(page, sentence):
    """The wizard refuses a file with a sentence, and stays."""
    page.get_by_role("button", name="Show what changes").click()
    expect(page.locator(".modal", has_text="Invalid Operation").last).to_contain_text(sentence)
    page.locator(".modal", has_text="Invalid Operation").last.get_by_role("button", name="Close").last.click()
    expect(page.locator(".o_field_widget[name=import_file]")).to_be_visible()


@pytest.fixture
def gold(site):
    tier = site.id_of("crm_value_addon.tier_gold")
    [before] = site.call("crm.value.tier", "read", ids=[tier], fields=["grace_days"])
    yield tier
    site.call("crm.value.tier", "write", ids=[tier], vals={"grace_days": before["grace_days"]})


@pytest.mark.parametrize("on_phone", [False, True])
def test_from_export_to_import(visit, site, gold, on_phone):
    visitor = visit("admin", on_phone=on_phone)
    page = visitor.page
    page.goto(WIZARD)
    data = read(export(page))
    [tier] = [record for record in data["records"] if record.get("xmlid") == "crm_value_addon.tier_gold"]
    choose(page, "same.json", data)
    page.get_by_role("button", name="Show what changes").click()
    preview = page.locator(".o_field_widget[name=preview]")
    expect(preview).to_contain_text("Nothing changes: everything is as in the file.")
    tier["values"]["grace_days"] = 77
    choose(page, "changed.json", data)
    # what was shown is of the other file: nothing can be imported unseen
    expect(preview).to_have_count(0)
    expect(page.locator("button[name=action_import]")).to_have_count(0)
    page.get_by_role("button", name="Show what changes").click()
    expect(preview).to_contain_text(re.compile(r"Gold: Grace Period \(days\) \d+ → 77"))
    assert site.call("crm.value.tier", "read", ids=[gold], fields=["grace_days"])[0]["grace_days"] != 77
    page.locator("button[name=action_import]:visible").click()
    page.locator(".modal", has_text="Import now?").last.get_by_role("button", name="Ok").click()
    expect(page.locator(".o_notification").first).to_contain_text("1 changes were imported.")
    assert site.call("crm.value.tier", "read", ids=[gold], fields=["grace_days"])[0]["grace_days"] == 77


def test_a_bad_file_is_refused_in_words(visit):
    visitor = visit("admin")
    page = visitor.page
    page.goto(WIZARD)
    data = read(export(page))
    choose(page, "broken.json", "{not JSON")
    refused(page, "This is no configuration file: it is not JSON.")
    choose(page, "other.json", {"format": "something else"})
    refused(page, "This is no configuration file of the customer values.")
    choose(page, "newer.json", data | {"version": 99})
    refused(page, "This file is of version 99")
    [tier] = [record for record in data["records"] if record.get("xmlid") == "crm_value_addon.tier_gold"]
    tier["values"]["grace_days"] = "soon"
    choose(page, "wrong.json", data)
    refused(page, "“soon” is no possible value.")


def test_a_seller_has_no_such_wizard(visit):
    visitor = visit("demo")
    page = visitor.page
    page.goto("/odoo/crm")
    page.locator(".o_menu_sections button", has_text="Customer Value").click()
    expect(page.get_by_role("menuitem", name="Customers", exact=True)).to_be_visible()
    expect(page.get_by_role("menuitem", name="Export and Import")).to_have_count(0)


# tiers on a phone


def test_a_tier_shows_its_benefits_on_a_phone(visit, gold):
    visitor = visit("admin", on_phone=True)
    page = visitor.page
    visitor.open(f"/odoo/action-crm_value_addon.crm_value_tier_action/{gold}")
    page.locator(".o_notebook .nav-link", has_text="Benefits").click()
    cards = page.locator(".o_field_widget[name=benefit_ids] .o_kanban_record:not(.o_kanban_ghost)")
    expect(cards.first).to_contain_text("Pricelist Gold customers")
    expect(cards.first).to_contain_text("YourCompany")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# a new tier


def test_a_new_tier_takes_twelve_clicks(visit, site):
    """Two criteria and two benefits; whoever starts above the highest tier needs three."""
    visitor = visit("admin")
    page, clicks = visitor.page, []

    def click(selector, **options):
        clicks.append(selector)
        page.locator(selector, **options).first.click()

    def add_line(field):
        click(f".o_field_widget[name={field}] .o_field_x2many_list_row_add a")

    def ask_for(number, enter, keep):
        add_line("criterion_ids")
        row = page.locator(".o_field_widget[name=criterion_ids] .o_data_row").nth(number)
        expect(row).to_contain_class("o_selected_row")
        for figure in (enter, keep):
            page.keyboard.press("Tab")
            page.keyboard.type(str(figure))

    visitor.open_action("crm_value_addon.crm_value_tier_action")
    click(".o_list_button_add")
    page.locator(".o_field_widget[name=name] input").fill("Diamond")
    ask_for(0, 40000, 30000)
    ask_for(1, 12, 10)
    click(".o_notebook .nav-link", has_text="Benefits")
    add_line("benefit_ids")
    click(".modal .o_field_widget[name=pricelist_id] input")
    click(".o-autocomplete--dropdown-item", has_text="Platinum customers")
    click(".modal .o_form_button_save_new")
    expect(page.locator(".modal .o_field_widget[name=pricelist_id] input")).to_have_value("")
    expect(page.locator(".o_field_widget[name=benefit_ids] .o_data_row")).to_have_count(1)
    click(".modal .o_field_widget[name=benefit_type] input")
    click(".o_select_menu_item", has_text="Urgent delivery")
    click(".modal .o_form_button_save")
    expect(page.locator(".o_field_widget[name=benefit_ids] .o_data_row")).to_have_count(2)
    click(".o_form_button_save")
    expect(page.locator(".o_form_button_save")).to_be_hidden()
    [tier] = site.call("crm.value.tier", "search", domain=[("name", "=", "Diamond"), ("active", "=", False)])
    [stored] = site.call("crm.value.tier", "read", ids=[tier], fields=["criterion_ids", "benefit_ids", "state"])
    assert (len(stored["criterion_ids"]), len(stored["benefit_ids"]), stored["state"]) == (2, 2, "draft")
    assert len(clicks) <= 12
    site.call("crm.value.tier", "unlink", ids=[tier])

"""The portal's customer (login "portal", 120 short of Gold) by clicking, and everything it may not ask for."""

import re

import pytest
import requests
from playwright.sync_api import expect

OF_TIERS = [
    "crm.value",
    "crm.value.purchase",
    "crm.value.document",
    "crm.value.tier",
    "crm.value.tier.criterion",
    "crm.value.tier.change",
    "crm.value.tier.lock",
    "crm.value.benefit",
    "crm.value.grant",
    "crm.value.mail",
    "crm.value.snapshot",
    "crm.value.followup",
    "crm.value.run",
    "loyalty.card",
    "loyalty.history",
    "loyalty.program",
]
SECRETS = [
    "clv",
    "margin_12m",
    "margin_total",
    "realised_value",
    "churn_risk",
    "probability_alive",
    "revenue_12m",
    "value_tier_id",
    "value_id",
    "value_ids",
    "lifecycle_stage",
    "value_tier_explanation",
]
OTHER = "Meridian Hotels Group"


@pytest.fixture(scope="module")
def customer(site):
    """A session of the portal's user, as a browser has it: call(model, method, …) → (result, error)."""
    session = requests.Session()

    def ask(path, **params):
        answer = session.post(site.url + path, json={"jsonrpc": "2.0", "id": 1, "params": params}, timeout=120).json()
        return answer.get("result"), answer.get("error")

    def call(model, method, *args, **kwargs):
        return ask("/web/dataset/call_kw", model=model, method=method, args=args, kwargs=kwargs)

    result, error = ask("/web/session/authenticate", db=site.database, login="portal", password="portal")
    assert not error and result["uid"]
    call.ask, call.session = ask, session
    call.partner_id = site.call("res.users", "search_read", domain=[("login", "=", "portal")], fields=["partner_id"])[
        0
    ]["partner_id"][0]
    site.call("ir.config_parameter", "set_param", key="portal.allow_api_keys", value="True")
    site.call("res.groups", "write", ids=[site.id_of("base.group_portal")], vals={"api_key_duration": 7})
    return call


def source(customer, site, path):
    return customer.session.get(site.url + path, timeout=120).text


@pytest.mark.parametrize("on_phone", [False, True])
def test_from_the_home_to_the_loyalty_page(visit, on_phone):
    visitor = visit("portal", on_phone=on_phone)
    page = visitor.page
    page.goto("/my")
    entry = page.locator(".o_portal_index_card", has_text="Your tier: Silver")
    expect(entry).to_be_visible()
    entry.locator("a").click()
    expect(page.locator("[name=loyalty_headline]")).to_have_text(re.compile(r"120\.00 more and you reach Gold"))
    expect(page.locator("[name=loyalty_tier]")).to_contain_text("Loyalty points × 1.5")
    expect(page.locator("[name=loyalty_cards]")).to_contain_text("Coffee Club")
    expect(page.locator("[name=loyalty_history] li")).to_have_count(2)
    bar = page.get_by_role("progressbar", name="Purchases of the last 12 months")
    expect(bar).to_have_attribute("aria-valuenow", "98")
    assert page.evaluate("document.documentElement.scrollWidth") <= (390 if on_phone else 1400)


def test_nothing_of_ours_in_the_source(site, customer):
    [value] = site.call(
        "crm.value",
        "search_read",
        domain=[("partner_id", "=", customer.partner_id)],
        fields=["id", "clv", "margin_total", "realised_value", "expected_margin_12m"],
    )
    others = site.call("crm.value", "search_read", domain=[("partner_id.name", "=", OTHER)], fields=["revenue_12m"])
    for path in ("/my", "/my/loyalty", f"/my/loyalty?id={value['id']}&value_id=1&partner_id=1&access_token=1"):
        html = re.sub(r"data:image[^\"']*", "", source(customer, site, path))
        for word in ("CLV", "clv", "margin_", "churn", "percentile", "lifetime", OTHER):
            assert word not in html.split('id="wrap"')[1], (path, word)
        for amount in [value[name] for name in value if name != "id"] + [row["revenue_12m"] for row in others]:
            assert amount and f"{amount:,.2f}" not in html and f"{amount:.2f}" not in html, (path, amount)
    assert "120.00" in source(customer, site, "/my/loyalty")


def test_no_ids_to_guess(site, customer):
    other = site.call("crm.value", "search", domain=[("partner_id.name", "=", OTHER)])[0]
    for path in (
        f"/my/loyalty/{other}",
        f"/my/loyalty/{other}?access_token=x",
        f"/web/content/crm.value/{other}/clv",
        f"/web/image/crm.value/{other}/clv",
        f"/mail/view?model=crm.value&res_id={other}",
    ):
        response = customer.session.get(site.url + path, timeout=120)
        assert response.status_code == 404 or OTHER not in response.text, path
        assert "/odoo" not in response.url, path
    card = site.call("loyalty.card", "search", domain=[("partner_id", "!=", customer.partner_id)], limit=1)[0]
    assert customer.ask(f"/my/loyalty_card/{card}/values")[0] == {}
    told, _error = customer.ask("/mail/thread/messages", thread_model="crm.value", thread_id=other)
    assert not (told or {}).get("messages")


@pytest.mark.parametrize("model", OF_TIERS)
def test_no_records_through_the_api(site, customer, model):
    assert site.call(model, "search_count", domain=[]) or model in (
        "crm.value.snapshot",
        "crm.value.mail",
        "crm.value.grant",
    )
    for method, args in (
        ("search_read", {"domain": [], "fields": ["id"]}),
        ("search_count", {"domain": []}),
        ("web_search_read", {"domain": [], "specification": {"id": {}}}),
        ("formatted_read_group", {"domain": [], "aggregates": ["__count"]}),
    ):
        assert customer(model, method, **args)[1]["data"]["name"] == "odoo.exceptions.AccessError", method
        assert site.post(f"/json/2/{model}/{method}", args, site.key("portal")).status_code == 403, method
    assert customer(model, "read", [1, 2, 3])[1], "by ids"


@pytest.mark.parametrize("name", SECRETS)
def test_no_figures_through_contacts(site, customer, name):
    own, anyone = [("id", "=", customer.partner_id)], [(name, "!=", False)]
    assert customer("res.partner", "read", [customer.partner_id], ["name"])[0][0]["name"] == "Joel Willis"
    for args in (
        {"domain": own, "fields": [name]},
        {"domain": anyone, "fields": ["name"]},
        {"domain": own, "fields": ["name"], "order": name},
    ):
        assert customer("res.partner", "search_read", **args)[1], args
        assert site.post("/json/2/res.partner/search_read", args, site.key("portal")).status_code >= 400, args
    assert customer("res.partner", "formatted_read_group", domain=[], groupby=[name], aggregates=[])[1]
    assert customer("res.partner", "web_read", [customer.partner_id], specification={name: {}})[1]
    assert name not in customer("res.partner", "fields_get")[0]


def test_nothing_through_own_orders(site, customer):
    orders = customer("sale.order", "search_read", [], ["name"], limit=1)[0]
    assert orders
    for name in (
        "margin",
        "margin_percent",
        "value_summary",
        "value_notice",
        "value_pause_reason",
        "value_id",
        "clv",
        "churn_risk",
        "value_tier_date",
        "value_benefit_cost",
        "order_line.purchase_price",
    ):
        assert "." in name or customer("sale.order", "read", [orders[0]["id"]], [name])[1], name
        assert customer("sale.order", "search_read", [(name, "!=", False)], ["name"])[1], name


def test_the_works_are_no_doors(site, customer):
    for model, method in (
        ("crm.value.portal", "_prepare_portal_page"),
        ("crm.value.portal", "_portal_access"),
        ("crm.value", "_customer_mail"),
        ("crm.value.portal", "_prepare_portal_cards"),
        ("crm.value.benefit.text", "_prepare_portal_benefits"),
        ("sale.order", "_customer_progress"),
        ("crm.value.mail", "_cron_mails"),
        ("crm.value.tier.change", "_message"),
    ):
        assert customer(model, method, [])[1], method
        assert site.post(f"/json/2/{model}/{method}", {}, site.key("portal")).status_code >= 400, method
        assert site.post(f"/json/2/{model}/{method}", {}, site.key("admin")).status_code >= 400, method


def test_what_a_company_computes_with_is_not_for_customers(customer):
    for name in ("value_margin_rate", "value_retention_rate", "value_margin_floor", "value_basis"):
        rows, error = customer("res.company", "search_read", [], [name])
        assert error or not rows, name

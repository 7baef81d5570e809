"""What the API gives to whom."""

import pytest

VALUE_MODELS = ["crm.value", "crm.value.document", "crm.value.purchase", "crm.value.run", "crm.value.queue"]


@pytest.fixture(scope="module")
def site(serve):
    site = serve("addon")
    site.call("ir.config_parameter", "set_param", key="portal.allow_api_keys", value="True")
    site.create_user("visitor", "base.group_portal")
    site.create_user("seller", "sales_team.group_sale_salesman")
    site.create_user("clerk", "base.group_user")
    buyer = site.call("res.users", "read", ids=[site.create_user("visitor")], fields=["partner_id"])[0]["partner_id"][0]
    move = site.call(
        "account.move",
        "create",
        vals_list=[
            {
                "move_type": "out_invoice",
                "partner_id": buyer,
                "invoice_date": "2024-05-01",
                "invoice_line_ids": [(0, 0, {"name": "Bought", "price_unit": 10, "tax_ids": [(5,)]})],
            }
        ],
    )
    site.call("account.move", "action_post", ids=move)
    site.run_cron("crm_value_addon.ir_cron_refresh_stale")
    assert site.call("crm.value", "search_count", domain=[("partner_id", "=", buyer)], login="seller") == 1
    return site


def status(site, model, method, login, **arguments):
    return site.post(f"/json/2/{model}/{method}", arguments, login and site.key(login)).status_code


@pytest.mark.parametrize("model", VALUE_MODELS)
@pytest.mark.parametrize("login", ["visitor", "clerk"])
def test_neither_portal_users_nor_employees_outside_sales_read_values(site, model, login):
    assert status(site, model, "search_read", login, domain=[], fields=["id"]) == 403
    assert status(site, model, "search_count", login, domain=[]) == 403


@pytest.mark.parametrize("name", ["clv", "realised_value", "margin_total"])
def test_the_values_behind_a_partner_stay_hidden(site, name):
    buyer = site.call("res.users", "read", ids=[site.create_user("visitor")], fields=["partner_id"])[0]["partner_id"][0]
    for domain, field in (
        ([(f"value_id.{name}", ">", 0)], "name"),
        ([("id", "=", buyer)], f"value_id.{name}"),
        ([("id", "=", buyer)], "value_ids"),
    ):
        assert status(site, "res.partner", "search_read", "visitor", domain=domain, fields=[field]) >= 400


def test_portal_users_start_nothing(site):
    action, context = site.id_of("crm_value_addon.action_server_recompute_company"), {"active_model": "crm.value"}
    assert status(site, "ir.actions.server", "run", "visitor", ids=[action], context=context) == 403
    assert status(site, "crm.value", "action_recompute_company", "visitor") == 403
    assert status(site, "crm.value", "action_recompute_company", "clerk") == 403


@pytest.mark.parametrize("method", ["_cron_refresh_all", "_refresh_company", "_refresh_or_enqueue"])
def test_the_works_are_no_doors(site, method):
    assert status(site, "crm.value", method, "admin") == 403


@pytest.mark.parametrize("key", [None, "", "0" * 40])
@pytest.mark.parametrize("model", ["crm.value", "res.partner"])
def test_a_bad_key_gets_nothing(site, model, key):
    response = site.post(f"/json/2/{model}/search_read", {"domain": [], "fields": ["id"]}, key)
    assert response.status_code == 401
    assert not isinstance(response.json(), list)


@pytest.mark.parametrize("login", ["seller", "admin"])
def test_nobody_writes_values(site, login):
    [row] = site.call("crm.value", "search", domain=[], limit=1)
    assert status(site, "crm.value", "write", login, ids=[row], vals={"clv": 1000000}) == 403
    assert status(site, "crm.value", "unlink", login, ids=[row]) == 403
    assert status(site, "crm.value", "create", login, vals_list=[{"partner_id": 1, "company_id": 1}]) == 403


def test_the_brief_is_for_salespeople(site):
    buyer = site.call("res.users", "read", ids=[site.create_user("visitor")], fields=["partner_id"])[0]["partner_id"][0]
    [brief] = site.call("crm.value.brief", "brief", partner_ids=[buyer], login="seller")
    assert brief["partner_id"] == buyer
    assert "10.00" in brief["text"]
    for login in ("visitor", "clerk"):
        assert status(site, "crm.value.brief", "brief", login, partner_ids=[buyer]) == 403
    assert status(site, "crm.value.brief", "brief", "seller", partner_ids=["all"]) >= 400
    assert status(site, "crm.value.brief", "_sheets", "seller") >= 400

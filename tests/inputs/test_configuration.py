"""What tiers, benefits and figures rest on goes away: archived, deleted, or without a rate. Work goes on."""

import pytest
from input_state import assert_sound


@pytest.fixture(scope="module")
def site(serve):
    site = serve("demo")
    site.create_user("manager", "sales_team.group_sale_manager")
    site.call("crm.value", "action_recompute_company")
    return site


def held(site):
    """Return {customer: tier} of those who have one."""
    rows = site.call("crm.value", "search_read", domain=[("tier_id", "!=", False)], fields=["partner_id", "tier_id"])
    return {row["partner_id"][0]: row["tier_id"][0] for row in rows}


def work(site):
    """Do what users do with customers and orders, as a manager and as an administrator; none of it may fail."""
    for login in ("manager", "admin"):
        site.call(
            "res.partner",
            "web_search_read",
            login=login,
            domain=[("value_tier_id", "!=", False)],
            specification={"display_name": {}, "value_tier_id": {"fields": {"display_name": {}}}},
            limit=80,
        )
        for customer in list(held(site))[:3]:
            [order] = site.call("sale.order", "create", login=login, vals_list=[{"partner_id": customer}])
            site.call("sale.order", "action_update_benefits", ids=[order], login=login)
            site.call("sale.order", "action_confirm", ids=[order], login=login)
            [copied] = site.call("sale.order", "copy", ids=[order], login=login)
            site.call(
                "sale.order",
                "web_read",
                ids=[copied],
                login=login,
                specification={
                    "value_tier_id": {"fields": {"display_name": {}}},
                    "pricelist_id": {"fields": {"display_name": {}}},
                },
            )


def test_a_tier_that_customers_have_is_archived(site):
    """They get the next one by the rules; when it is there again, what they had before."""
    before = held(site)
    tier = max(set(before.values()), key=list(before.values()).count)
    site.call("crm.value.tier", "write", ids=[tier], vals={"active": False}, login="manager")
    assert_sound(site)
    assert tier not in held(site).values()
    work(site)
    site.call("crm.value.tier", "write", ids=[tier], vals={"active": True}, login="manager")
    assert_sound(site)
    assert held(site) == before


def given(site, kind, field):
    """Return the id of what some benefit of a type gives; the demonstration data has no account manager."""

    def search():
        return site.call(
            "crm.value.benefit",
            "search_read",
            domain=[("benefit_type", "=", kind)],
            fields=[field],
            context={"active_test": False},
        )

    if kind == "manager" and not search():
        site.call(
            "crm.value.benefit",
            "create",
            vals_list=[
                {
                    "tier_id": next(iter(held(site).values())),
                    "benefit_type": "manager",
                    "user_id": site.create_user("keeper", "sales_team.group_sale_salesman"),
                }
            ],
        )
    return search()[0][field][0]


@pytest.mark.parametrize(
    "kind, field",
    [
        ("pricelist", "pricelist_id"),
        ("payment_term", "payment_term_id"),
        ("program", "program_id"),
        ("gift", "program_id"),
        ("manager", "user_id"),
    ],
)
@pytest.mark.parametrize("end", ["archived", "deleted"])
def test_what_a_benefit_gives_is_gone(site, kind, field, end):
    """Odoo may refuse to delete what is in use, in a sentence; otherwise orders and refreshes do without it."""
    record = given(site, kind, field)
    target = site.call("crm.value.benefit", "fields_get", allfields=[field])[field]["relation"]
    method, arguments = ("unlink", {}) if end == "deleted" else ("write", {"vals": {"active": False}})
    answer = site.post(f"/json/2/{target}/{method}", {"ids": [record], **arguments}, site.key("admin"))
    assert answer.status_code < 500, answer.text[-2000:]
    work(site)
    assert_sound(site)
    if end == "archived" and answer.ok:
        site.call(target, "write", ids=[record], vals={"active": True})


def test_a_currency_without_a_rate(site):
    """An invoice in a currency that has no rate: Odoo takes it for 1, and so do the figures."""
    [currency] = site.call("res.currency", "search", domain=[("name", "=", "GBP")], context={"active_test": False})
    site.call("res.currency", "write", ids=[currency], vals={"active": True})
    rates = site.call("res.currency.rate", "search", domain=[("currency_id", "=", currency)])
    if rates:
        site.call("res.currency.rate", "unlink", ids=rates)
    customer = next(iter(held(site)))
    [move] = site.call(
        "account.move",
        "create",
        vals_list=[
            {
                "move_type": "out_invoice",
                "partner_id": customer,
                "currency_id": currency,
                "invoice_line_ids": [[0, 0, {"name": "Bought", "price_unit": 1234.56, "tax_ids": [[5]]}]],
            }
        ],
    )
    site.call("account.move", "action_post", ids=[move])
    assert_sound(site)
    work(site)

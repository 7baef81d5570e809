"""From posted invoices to stored values on real purchases, equal to the file to the cent."""

import csv
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "data" / "cdnow_sample_transactions.csv"
CUSTOMERS, PURCHASES = 2357, 6919
OF_THE_FILE = ("partner_id.name", "=like", "Customer %")


@pytest.fixture(scope="module")
def days():
    """{customer: {day: sum}} of the file."""
    result = defaultdict(Counter)
    with FILE.open() as lines:
        for row in csv.DictReader(lines):
            result[row["customer_id"]][row["date"]] += Decimal(row["dollars"])
    assert len(result) == CUSTOMERS
    return result


@pytest.fixture(scope="module")
def site(serve):
    """The sample loaded, then the addon installed, then the server action run by a seller, then the nightly job."""
    site = serve("cdnow")
    site.create_user("seller", "sales_team.group_sale_salesman_all_leads")
    assert site.call("crm.value", "search_count", domain=[]) == 0
    site.told = site.call(
        "ir.actions.server",
        "run",
        ids=[site.id_of("crm_value_addon.action_server_recompute_company")],
        login="seller",
        context={"active_model": "crm.value"},
    )
    site.asked = site.call("crm.value.run", "search_read", domain=[], fields=["kind", "state"])
    site.run_cron("crm_value_addon.ir_cron_refresh_all")
    return site


@pytest.fixture(scope="module")
def values(site):
    """{customer: its row of crm.value}, read as a seller."""
    rows = site.call(
        "crm.value",
        "search_read",
        domain=[OF_THE_FILE],
        login="seller",
        fields=[
            "partner_id",
            "revenue_total",
            "purchase_count",
            "frequency",
            "first_purchase_date",
            "last_purchase_date",
        ],
    )
    return {row["partner_id"][1].removeprefix("Customer "): row for row in rows}


def test_the_action_leaves_many_customers_to_the_cron(site):
    assert "2357 customers" in site.told["params"]["message"]
    assert [(run["kind"], run["state"]) for run in site.asked] == [("full", "queued")]
    [run] = site.call(
        "crm.value.run",
        "search_read",
        domain=[("kind", "=", "full")],
        fields=["state", "processed", "skipped", "unattributed_revenue", "message"],
    )
    assert (run["state"], run["processed"], run["skipped"]) == ("done", CUSTOMERS, 0), run["message"]
    assert run["unattributed_revenue"] == 0


def test_every_row_is_a_posted_invoice(site):
    moves = site.call(
        "account.move",
        "search_read",
        domain=[("move_type", "=", "out_invoice")],
        fields=["state", "name", "amount_tax", "invoice_date", "partner_id", "amount_untaxed"],
    )
    assert len(moves) == PURCHASES and {move["state"] for move in moves} == {"posted"}
    assert len({move["name"] for move in moves}) == PURCHASES
    assert not any(move["amount_tax"] for move in moves)
    with FILE.open() as lines:
        rows = Counter(
            (f"Customer {row['customer_id']}", row["date"], float(row["dollars"])) for row in csv.DictReader(lines)
        )
    assert Counter((move["partner_id"][1], move["invoice_date"], move["amount_untaxed"]) for move in moves) == rows


def test_revenue_of_each_customer(values, days):
    assert {customer: Decimal(str(row["revenue_total"])) for customer, row in values.items()} == {
        customer: sum(amounts.values()) for customer, amounts in days.items()
    }


def test_purchases_of_each_customer(values, days):
    expected = {}
    for customer, amounts in days.items():
        bought = sorted(day for day, amount in amounts.items() if amount > 0)
        expected[customer] = (len(bought), bought[0] if bought else False, bought[-1] if bought else False)
    assert {
        customer: (row["purchase_count"], row["first_purchase_date"], row["last_purchase_date"])
        for customer, row in values.items()
    } == expected
    assert {customer: row["frequency"] for customer, row in values.items()} == {
        customer: max(count - 1, 0) for customer, (count, *_dates) in expected.items()
    }
    assert (
        sum(row["frequency"] for row in values.values())
        == sum(max(count - 1, 0) for count, *_dates in expected.values())
        > 0
    )


def test_values_equal_odoos_invoice_analysis(site, values):
    groups = site.call(
        "account.invoice.report",
        "formatted_read_group",
        domain=[("state", "=", "posted")],
        groupby=["commercial_partner_id"],
        aggregates=["price_subtotal:sum"],
    )
    analysis = {group["commercial_partner_id"][0]: round(group["price_subtotal:sum"], 2) for group in groups}
    of_the_file = {row["partner_id"][0]: row["revenue_total"] for row in values.values()}
    assert {partner: analysis[partner] for partner in of_the_file} == of_the_file


def test_purchase_days_lead_to_the_invoices(site, values, days):
    row = values["18"]
    action = site.call("crm.value", "action_open_purchases", ids=[row["id"]], login="seller")
    found = site.call(
        "crm.value.purchase", "search_read", domain=action["domain"], fields=["date", "revenue"], login="seller"
    )
    assert {day["date"]: Decimal(str(day["revenue"])) for day in found} == days["18"]


def test_refreshing_again_writes_nothing(site, values):
    site.call(
        "ir.actions.server",
        "run",
        ids=[site.id_of("crm_value_addon.action_server_recompute_company")],
        login="seller",
        context={"active_model": "crm.value"},
    )
    site.run_cron("crm_value_addon.ir_cron_refresh_all")
    run = site.call(
        "crm.value.run",
        "search_read",
        domain=[("kind", "=", "full")],
        limit=1,
        fields=["state", "processed", "written"],
    )[0]
    assert (run["state"], run["processed"], run["written"]) == ("done", CUSTOMERS, 0)


def test_a_new_invoice_and_its_credit_note_arrive_by_the_queue(site, values):
    [partner] = site.call("res.partner", "create", vals_list=[{"name": "Late buyer"}])
    for kind, day, amount in (("out_invoice", "2024-05-01", 100.5), ("out_refund", "2024-05-02", 40.25)):
        move = site.call(
            "account.move",
            "create",
            vals_list=[
                {
                    "move_type": kind,
                    "partner_id": partner,
                    "invoice_date": day,
                    "invoice_line_ids": [(0, 0, {"name": "Late", "price_unit": amount, "tax_ids": [(5,)]})],
                }
            ],
        )
        site.call("account.move", "action_post", ids=move)
    site.run_cron("crm_value_addon.ir_cron_refresh_stale")
    [row] = site.call(
        "crm.value",
        "search_read",
        domain=[("partner_id", "=", partner)],
        login="seller",
        fields=["revenue_total", "refund_total", "purchase_count", "last_purchase_date"],
    )
    assert (row["revenue_total"], abs(row["refund_total"]), row["purchase_count"], row["last_purchase_date"]) == (
        60.25,
        40.25,
        1,
        "2024-05-01",
    )
    assert site.call("crm.value", "search_count", domain=[OF_THE_FILE]) == len(values)

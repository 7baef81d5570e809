"""The program of docs/api.md does what the page says, and the answers look as it shows them."""

import json
import os
import re
import threading
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PROGRAM = [body for language, _name, body in BLOCKS if language == "python"]
SHOWN = {name: json.loads(body) for language, name, body in BLOCKS if language == "json"}
#: days ago and amounts of what the customer bought
PURCHASES = ((200, 1000), (140, 1500), (80, 1600), (20, 2000))


@pytest.fixture(scope="module")
def site(serve):
    """A customer with a reference and purchases, another one, and the program's user, a sales manager."""
    site = serve("addon")
    site.create_user("program", "sales_team.group_sale_manager")
    for name, reference in (("Azure Interior", "C-4711"), ("Deco Addict", "C-4712")):
        [partner] = site.call("res.partner", "create", vals_list=[{"name": name, "ref": reference}])
        moves = site.call(
            "account.move",
            "create",
            vals_list=[
                {
                    "move_type": "out_invoice",
                    "partner_id": partner,
                    "invoice_date": (date.today() - timedelta(days=days)).isoformat(),
                    "invoice_line_ids": [(0, 0, {"name": "Bought", "price_unit": amount, "tax_ids": [(5,)]})],
                }
                for days, amount in PURCHASES
            ],
        )
        site.call("account.move", "action_post", ids=moves)
    site.run_cron("crm_value_addon.ir_cron_refresh_all")
    return site


@pytest.fixture(scope="module")
def rule(site):
    [rule] = site.call(
        "crm.value.followup.rule",
        "create",
        vals_list=[{"name": "Call", "trigger": "manual", "summary": "Call {customer}", "active": True}],
    )
    return rule


@pytest.fixture(scope="module")
def program(site, rule):
    """The names of the page's program, after it has run."""
    [action] = site.call(
        "ir.actions.server",
        "create",
        vals_list=[
            {
                "name": "Launch",
                "model_id": site.id_of("base.model_res_partner"),
                "state": "value_followup",
                "value_followup_rule_id": rule,
            }
        ],
    )
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "ODOO_URL": site.url,
            "ODOO_DATABASE": site.database,
            "ODOO_KEY": site.key("program"),
            "FOLLOWUP_ACTION": str(action),
        }.items():
            patch.setenv(name, value)
        for body in PROGRAM:
            exec(compile(body, "docs/api.md", "exec"), names)
    return names


def check_shape(shown, real, path):
    """Fail when what is shown has other names or types than what is real."""
    if isinstance(shown, dict):
        assert isinstance(real, dict) and shown.keys() <= real.keys(), (path, shown.keys() - set(real))
        if shown:
            assert real.keys() <= shown.keys(), (path, real.keys() - shown.keys())
        for name, value in shown.items():
            check_shape(value, real[name], f"{path}.{name}")
    elif isinstance(shown, list):
        assert isinstance(real, list), (path, real)
        for value, one in zip(shown, real, strict=False):
            check_shape(value, one, f"{path}[]")
        assert bool(real) or not shown, (path, "is empty")
    elif shown is not False and real is not False:
        assert isinstance(real, type(shown)), (path, shown, real)


def test_the_page_shows_what_the_server_answers(program):
    for name in SHOWN.keys() - {"webhook"}:
        check_shape(SHOWN[name], program[name], name)


def test_the_customer_is_worth_what_the_page_says(program):
    customer = program["customer"]
    assert customer["partner_id"][1] == "Azure Interior"
    assert (customer["purchase_count"], customer["revenue_12m"]) == (4, 6100.0)
    assert customer["clv"] > 0 and customer["as_of_date"]
    assert "1 customers were recomputed" in program["told"] and len(program["ages"]) == 1
    assert program["dashboard"]["state"] == "ok" and program["dashboard"]["customers"]


def test_a_client_gets_the_same(program):
    assert program["row"].clv == program["explained_by_client"]["clv"] > 0
    assert program["explained_by_client"].keys() == program["explained"].keys()
    assert program["told_by_client"]["params"]["message"] == program["told"]


def test_what_was_loaded_counts_and_is_loaded_once(site, program):
    call, customer = program["call"], program["customer"]
    call("res.partner", "action_recompute_value", ids=[customer["partner_id"][0]])
    [row] = call("crm.value", "read", ids=[customer["id"]], fields=["revenue_total", "purchase_count"])
    assert (row["revenue_total"], row["purchase_count"]) == (6100.0 + 200.5, 6)
    again = call(
        "crm.value.opening",
        "load",
        fields=["partner_id/.id", "date", "amount", "reference"],
        data=[[str(customer["partner_id"][0]), "2024-03-01", "120.50", "OLD-1"]],
    )
    assert again["ids"] is False and "OLD-1" in again["messages"][0]["message"]


def test_a_follow_up_is_launched_once(site, rule, program):
    [followup] = program["followups"]
    assert (followup["rule_id"][0], followup["state"]) == (rule, "open")
    assert "Azure Interior" in followup["summary"]
    program["call"](
        "ir.actions.server",
        "run",
        ids=[int(site.call("ir.actions.server", "search", domain=[("name", "=", "Launch")])[0])],
        context={"active_model": "res.partner", "active_ids": [program["customer"]["partner_id"][0]]},
    )
    assert site.call("crm.value.followup", "search_count", domain=[("rule_id", "=", rule)]) == 1


def test_pages_hold_everything_that_changed_and_nothing_twice(site, program):
    changed, call = program["changed"], program["call"]
    everybody = call("crm.value", "search", domain=[["as_of_date", "!=", False]])
    assert len(everybody) >= 2 and program["values"].keys() == set(everybody)
    one_by_one = [row["id"] for row in changed("crm.value", "as_of_date", date(2000, 1, 1), ["clv"], page=1)]
    assert one_by_one == sorted(everybody)
    assert not list(changed("crm.value", "as_of_date", date.today() + timedelta(days=2), ["clv"]))
    assert program["moves"].keys() == set(call("crm.value.tier.change", "search", domain=[]))


@pytest.fixture
def receiver():
    """A server that takes webhooks: (its address, what came)."""
    came = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/secret", came
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_rule_sends_a_webhook(site, program, receiver):
    url, came = receiver
    fields = site.call(
        "ir.model.fields",
        "search",
        domain=[("model", "=", "crm.value"), ("name", "in", ["partner_id", "lifecycle_stage"])],
    )
    [hook] = site.call(
        "ir.actions.server",
        "create",
        vals_list=[
            {
                "name": "Tell the shop",
                "model_id": site.id_of("crm_value_addon.model_crm_value"),
                "state": "webhook",
                "webhook_url": url,
                "webhook_field_ids": [(6, 0, fields)],
            }
        ],
    )
    [rule] = program["call"](
        "crm.value.followup.rule",
        "create",
        vals_list=[
            {
                "name": "Tell the shop",
                "trigger": "stage_reached",
                "stage": site.call("crm.value", "read", ids=[program["customer"]["id"]], fields=["lifecycle_stage"])[0][
                    "lifecycle_stage"
                ],
                "domain": f"[('partner_id', '=', {program['customer']['partner_id'][0]})]",
                "action_type": "server",
                "server_action_id": hook,
                "active": True,
            }
        ],
    )
    program["call"]("crm.value.followup.rule", "action_run", ids=[rule])
    assert len(came) == 1
    check_shape(SHOWN["webhook"], came[0], "webhook")
    assert came[0]["partner_id"] == program["customer"]["partner_id"][0]


def test_without_fields_a_user_gets_what_it_may_read(site, program):
    site.create_user("seller", "sales_team.group_sale_salesman_all_leads")
    site.create_user("own", "sales_team.group_sale_salesman")
    rows = {
        login: site.call("crm.value", "search_read", domain=[], limit=1, login=login) for login in ("seller", "own")
    }
    assert "clv" in rows["seller"][0], "the page says that this group includes the margins"
    assert "clv" not in rows["own"][0] and "revenue_12m" in rows["own"][0]


#: a row of the table of errors → a request that gets it
ERRORS = {
    "401 werkzeug.exceptions.Unauthorized": ("crm.value", "search", {"domain": []}, "0" * 40),
    "403 odoo.exceptions.AccessError": ("crm.value", "search_read", {"domain": [], "fields": ["clv"]}, "own"),
    "404 werkzeug.exceptions.NotFound": ("crm.valve", "search", {"domain": []}, "program"),
    "404 odoo.exceptions.MissingError": ("crm.value", "explain_value", {"ids": [2**30]}, "program"),
    "422 odoo.exceptions.UserError": ("crm.value.dashboard", "read_dashboard", {"period": "day"}, "program"),
    "422 odoo.exceptions.ValidationError": (
        "crm.value.opening",
        "create",
        {"vals_list": [{"partner_id": 1, "date": "2024-01-01", "amount": 0}]},
        "program",
    ),
    "422 werkzeug.exceptions.UnprocessableEntity": ("crm.value.dashboard", "read_dashboard", {"day": 1}, "program"),
    "500 –": ("crm.value", "search", {"domain": [["no_such_field", "=", 1]]}, "program"),
}


def test_the_table_of_errors_is_tried_row_by_row():
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", PAGE, re.MULTILINE)
    assert sorted(ERRORS) == sorted(
        f"{status} {name}" for status, names in rows for name in names.replace("`", "").split(", ")
    )


@pytest.mark.parametrize("row", ERRORS)
def test_errors_are_as_in_the_table(site, row):
    status, name = row.split(" ", 1)
    model, method, arguments, login = ERRORS[row]
    site.create_user("own", "sales_team.group_sale_salesman")
    key = login if login.startswith("0") else site.key(login)
    response = requests.post(
        f"{site.url}/json/2/{model}/{method}", json=arguments, headers={"Authorization": f"bearer {key}"}, timeout=60
    )
    body = response.json()
    assert (response.status_code, body["message"] != "") == (int(status), True)
    assert name in ("–", body["name"])


def test_the_program_needs_nothing_that_the_page_does_not_name():
    asked = set(re.findall(r'os\.environ\["(\w+)"\]', "".join(PROGRAM)))
    assert asked == {"ODOO_URL", "ODOO_DATABASE", "ODOO_KEY", "FOLLOWUP_ACTION"}
    assert not asked & os.environ.keys()

"""Bad input on a running Odoo with the demonstration data, by an administrator, a sales manager and a seller.

`--exhaustive` tries many times as much; the numbers are printed at the end.
"""

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from input_door import Door
from input_schema import fields_of
from input_values import Ids

LOGINS = ["admin", "manager", "demo"]
_QUIET = [
    HealthCheck.too_slow,
    HealthCheck.function_scoped_fixture,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
]
_doors = []


def pytest_configure(config):
    # A failure prints the request, which needs no shrinking: what was accepted before may have been undone by then.
    common = {"deadline": None, "suppress_health_check": _QUIET, "database": None, "phases": [Phase.generate]}
    settings.register_profile("few", max_examples=2, derandomize=True, **common)
    settings.register_profile("many", max_examples=6, derandomize=True, **common)
    settings.load_profile("many" if config.getoption("--exhaustive") else "few")


@pytest.fixture(scope="session")
def door(serve):
    site = serve("demo")
    site.create_user("manager", "sales_team.group_sale_manager")
    door = Door(site)
    _doors.append(door)
    return door


@pytest.fixture(scope="session")
def ids(door):
    return Ids(door.site, _make_foreign(door.site))


@pytest.fixture(scope="session")
def fields(door):
    return fields_of(door.site)


def _make_foreign(site):
    """Create records of another company; return {model: [id]}."""
    [company] = site.call("res.company", "create", vals_list=[{"name": "Elsewhere"}])
    made = {"res.company": [company]}
    for model, vals in {
        "res.partner": {"name": "Elsewhere's", "company_id": company},
        "crm.value.tier": {"name": "Elsewhere", "company_id": company},
        "product.pricelist": {"name": "Elsewhere", "company_id": company},
        "loyalty.program": {"name": "Elsewhere", "company_id": company, "program_type": "loyalty"},
        "account.payment.term": {"name": "Elsewhere", "company_id": company},
        "crm.team": {"name": "Elsewhere", "company_id": company},
        "res.users": {"name": "Else", "login": "else", "company_id": company, "company_ids": [(6, 0, [company])]},
    }.items():
        made[model] = site.call(model, "create", vals_list=[vals], context={"allowed_company_ids": [1, company]})
    return made


def pytest_terminal_summary(terminalreporter):
    for door in _doors:
        total = Counter()
        terminalreporter.section("inputs tried")
        for kind, counts in sorted(door.counts.items()):
            total.update(counts)
            terminalreporter.line(
                f"{kind:50} "
                + "  ".join(f"{name} {counts[name]:,}" for name in ("tried", "accepted", "refused", "as_odoo"))
            )
        terminalreporter.line(f"{'all':50} " + "  ".join(f"{name} {total[name]:,}" for name in total))
        for what, count in door.core.most_common():
            terminalreporter.line(f"Odoo's own: {what} ({count} values)")

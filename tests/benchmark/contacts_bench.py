"""Odoo's contact list with the value columns, against the same request on plain stored columns of the contact."""

from environment import environment
from measure import alternate, forked
from refresh_bench import is_refreshed, refresh

REPETITIONS = 9
_SHOWN = {"complete_name": {}, "email": {}, "phone": {}, "city": {}, "country_id": {"fields": {"display_name": {}}}}
_VALUE_COLUMNS = ["clv", "revenue_12m", "last_purchase_date"]
_PLAIN_COLUMNS = ["partner_latitude", "color", "create_date"]


def run(table, registry, _database):
    if not is_refreshed(registry):
        forked(refresh, registry)
    with environment(registry) as env:
        env.cr.execute("SELECT percentile_cont(0.8) WITHIN GROUP (ORDER BY partner_latitude) FROM res_partner")
        [[latitude]] = env.cr.fetchall()
        env.cr.execute(
            "SELECT percentile_cont(0.8) WITHIN GROUP (ORDER BY clv),"
            " percentile_cont(0.8) WITHIN GROUP (ORDER BY revenue_12m) FROM crm_value"
        )
        [[clv, revenue]] = env.cr.fetchall()
        for label, value, plain in (
            ("sorted by CLV", _page(env, order="clv desc"), _plain_page(env, order="partner_latitude desc")),
            (
                "sorted by revenue",
                _page(env, order="revenue_12m desc"),
                _plain_page(env, order="partner_latitude desc"),
            ),
            (
                "filtered by CLV",
                _page(env, [("clv", ">", clv)]),
                _plain_page(env, [("partner_latitude", ">", latitude)]),
            ),
            (
                "filtered by revenue",
                _page(env, [("revenue_12m", ">", revenue)]),
                _plain_page(env, [("partner_latitude", ">", latitude)]),
            ),
            (
                "grouped, CLV and revenue summed",
                _groups(env, "last_purchase_date:month", ["clv:sum", "revenue_12m:sum"]),
                _groups(env, "create_date:month", ["partner_latitude:sum", "color:sum"]),
            ),
            *_by_tier(env),
        ):
            with_value, _without, ratio = alternate(REPETITIONS, value, plain)
            table.add(f"contacts {label}", 1000 * with_value, "ms")
            table.add(f"contacts {label} / a plain column", ratio, "×", at_most=2)


def _by_tier(env):
    if "value_tier_id" not in env["res.partner"]._fields:
        return
    tier = env["crm.value.tier"].search([], limit=1)
    yield ("filtered by tier", _page(env, [("value_tier_id", "=", tier.id)]), _plain_page(env, [("color", "=", 1)]))
    yield (
        "grouped by tier",
        _groups(env, "value_tier_id", ["clv:sum"]),
        _groups(env, "color", ["partner_latitude:sum"]),
    )


def _page(env, domain=(), order=None, columns=_VALUE_COLUMNS):
    """Return the request for the first page of the list, as the web client sends it."""
    specification = {**_SHOWN, **{name: {} for name in columns}}

    def request():
        env.invalidate_all()
        env["res.partner"].web_search_read(list(domain), specification, limit=80, order=order, count_limit=10001)

    return request


def _plain_page(env, domain=(), order=None):
    return _page(env, domain, order, _PLAIN_COLUMNS)


def _groups(env, groupby, aggregates):
    def request():
        env.invalidate_all()
        env["res.partner"].web_read_group([], [groupby], aggregates, limit=80)

    return request

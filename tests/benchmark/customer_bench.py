"""The screens of one customer: what they cost must not follow the number of all customers."""

from environment import environment
from lxml import etree
from measure import forked, processor_seconds
from order_bench import specification
from refresh_bench import is_refreshed, refresh

REPETITIONS = 30


def run(table, registry, _database):
    if not is_refreshed(registry):
        forked(refresh, registry)
    with environment(registry) as env:
        for label, open_it in _screens(env):
            open_it()
            seconds = processor_seconds(lambda work=open_it: [work() for _number in range(REPETITIONS)], env.cr)
            if seconds is not None:
                table.add(f"one customer: {label}, processor time", 1000 * seconds / REPETITIONS, "ms")
        env.cr.rollback()


def _screens(env):
    """Return the requests of a customer in the middle, with a tier: its page in the portal, its value, an order."""
    env.cr.execute("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY id) FROM crm_value WHERE tier_id IS NOT NULL")
    value = env["crm.value"].browse(env.cr.fetchone()[0])
    env.company.value_portal = True
    order = env["sale.order"].create({"partner_id": value.partner_id.id})

    def page():
        env.invalidate_all()
        assert env["crm.value.portal"]._prepare_portal_page(value.partner_id, env.company)["tier"]

    yield "portal page", page
    for label, record in (("value form", value), ("order form", order), ("contact form, our fields", value.partner_id)):
        view = env[record._name].get_view(view_type="form")["arch"]
        asked = specification(env[record._name], etree.fromstring(view))
        if record == value.partner_id:  # among Odoo's own is one that reads all invoices: days_sales_outstanding
            asked = {name: inner for name, inner in asked.items() if record._fields[name]._module == "crm_value_addon"}
            assert "clv" in asked
        yield label, _opening(record, asked)


def _opening(record, asked):
    def form():
        record.env.invalidate_all()
        record.web_read(asked)

    return form

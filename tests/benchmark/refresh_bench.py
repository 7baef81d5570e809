"""The refresh against its floor: what any refresh must do, done as PostgreSQL does it fastest.

The floor of a refresh is the bare sum of the posted customer documents per customer, read from the index
alone, plus COPY of the finished values (as many columns) into an empty table. The floor of the first refresh adds
the sum of the product lines per document with the products' costs, and the COPY of the frozen documents.
"""

import io
import statistics

from environment import environment
from measure import LockWatch, forked, peak_memory, processor_seconds, seconds, written_ahead

REPETITIONS = {"100k": 5, "1m": 3}
DIRTY_SHARE = 0.01
NAIVE_SAMPLE = 1000

_MOVES = """
    SELECT commercial_partner_id::int4, sum(amount_untaxed_signed)::float8, count(*)::int4, max(invoice_date)
      FROM account_move
     WHERE state = 'posted' AND move_type IN ('out_invoice', 'out_refund', 'out_receipt')
       AND commercial_partner_id IS NOT NULL AND company_id = 1
     GROUP BY commercial_partner_id"""
_LINES = """
    SELECT line.move_id, sum(-line.balance - line.quantity * (product.standard_price ->> '1')::float8)::float8
      FROM account_move_line line JOIN product_product product ON product.id = line.product_id
     WHERE line.display_type = 'product' AND line.parent_state = 'posted' AND line.company_id = 1
     GROUP BY line.move_id"""


def _leave_out_products(registry):
    """Read no lines by product: products_bench.py measures that against a floor that reads them, too."""
    with environment(registry) as env:
        env["res.company"].search([]).value_product_level = "none"


def run(table, registry, database):
    size = table.size
    _leave_out_products(registry)
    first = forked(_timed_refresh, registry)
    first_floor = statistics.median(_floor(registry, is_first=True) for _ in range(3 if size == "100k" else 1))
    dirty = _dirty_keys(registry)
    # At 1m the value's basis changes nothing that is read or written, and a round takes minutes.
    for basis in ("margin", "revenue")[: 2 if size == "100k" else 1]:
        _set_basis(registry, basis)
        forked(_timed_refresh, registry)
        rounds = [_round(registry, dirty) for _ in range(REPETITIONS[size])]
        full = statistics.median(each["full"] for each in rounds)
        table.add(f"full refresh, {basis} basis", full, "s")
        table.add(f"full refresh / floor, {basis} basis", _ratio(rounds, "full", "floor"), "×", at_most=4)
    table.add("floor: bare sums and COPY", statistics.median(each["floor"] for each in rounds), "s")
    table.add("refresh with nothing changed / full refresh", _ratio(rounds, "unchanged", "full"), "×", at_most=0.8)
    table.add("rows written with nothing changed", max(each["written"] for each in rounds), "", equal=0)
    incremental = statistics.median(each["incremental"] for each in rounds)
    table.add(f"refresh of 1 % of the customers ({len(dirty)})", incremental, "s")
    if rounds[0]["processor"] is not None:
        processor = statistics.median(each["processor"] for each in rounds)
        table.add("refresh of a changed customer: processor time", 1000 * processor / len(dirty), "ms")
    table.add("full refresh / refresh of 1 %", _ratio(rounds, "full", "incremental"), "×", at_least=10)
    table.add("first refresh: margins of all documents frozen", first, "s")
    table.add("first refresh / floor with lines", first / first_floor, "×", at_most=5)
    _naive(table, registry, full)
    _resources(table, registry, database)


def _ratio(rounds, one, other):
    """Return the median of the ratios within each round: what else the machine does changes from round to round."""
    return statistics.median(each[one] / each[other] for each in rounds)


def refresh(registry):
    """Refresh all customers of the main company as the cron does."""
    with environment(registry) as env:
        _refresh(env)


def _refresh(env):
    env["crm.value.run"]._request(env.company)
    env.cr.commit()
    env["crm.value"]._cron_refresh_all()
    last = env["crm.value.run"].search([("kind", "=", "full"), ("company_id", "=", env.company.id)], limit=1)
    assert last.state == "done" and not last.skipped, last.message


def is_refreshed(registry):
    with environment(registry) as env:
        return bool(env["crm.value.run"].search_count([("kind", "=", "full"), ("state", "=", "done")]))


def _timed_refresh(registry):
    return seconds(lambda: refresh(registry))


def _set_basis(registry, basis):
    with environment(registry) as env:
        env.company.value_basis = basis


def _round(registry, dirty):
    """Return the seconds of each kind of refresh and of the floor, and the rows that the one in vain wrote."""
    _spoil(registry)
    times = {"full": forked(_timed_refresh, registry), "floor": _floor(registry)}
    before = _transaction_number(registry)
    times["unchanged"] = forked(_timed_refresh, registry)
    with environment(registry) as env:
        env.cr.execute("SELECT count(*) FROM crm_value WHERE xmin::text::bigint >= %s", [before])
        [times["written"]] = env.cr.fetchone()
    times["incremental"], times["processor"] = _incremental(registry, dirty)
    return times


def _transaction_number(registry):
    with environment(registry) as env:
        env.cr.execute("SELECT pg_current_xact_id()::text::bigint % (1::bigint << 32)")
        return env.cr.fetchone()[0]


def _spoil(registry, partner_ids=None):
    """Make every stored row, or some, differ from its recomputed figures; then do autovacuum's work."""
    with environment(registry) as env:
        env.cr.execute(
            "UPDATE crm_value SET realised_value = realised_value + 1, figures_digest = NULL"
            " WHERE %s OR partner_id = ANY(%s)",
            [partner_ids is None, partner_ids or []],
        )
    with registry.cursor() as cr:
        cr.commit()
        cr._cnx.autocommit = True
        cr.execute("VACUUM ANALYZE crm_value")
        cr._cnx.autocommit = False


def _floor(registry, is_first=False):
    with registry.cursor() as cr:
        results = {"crm_value": io.BytesIO()} | ({"crm_value_document": io.BytesIO()} if is_first else {})
        for name, stream in results.items():
            cr.copy_expert(f"COPY {name} TO STDOUT (FORMAT BINARY)", stream)
            stream.seek(0)

        def work():
            for query in (_MOVES, _LINES) if is_first else (_MOVES,):
                cr.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT BINARY)", io.BytesIO())
            for name, stream in results.items():
                cr.execute(f"CREATE TEMP TABLE floor_{name} (LIKE {name}) ON COMMIT DROP")
                cr.copy_expert(f"COPY floor_{name} FROM STDIN (FORMAT BINARY)", stream)
            cr.commit()

        return seconds(work)


def _dirty_keys(registry):
    """Return (customer, company, last document) of every hundredth customer, as the queue takes them."""
    with environment(registry) as env:
        env.cr.execute(
            "SELECT commercial_partner_id, company_id, max(id) FROM account_move"
            " WHERE state = 'posted' AND commercial_partner_id %% %s = 0 GROUP BY 1, 2",
            [round(1 / DIRTY_SHARE)],
        )
        return set(env.cr.fetchall())


def _incremental(registry, keys):
    """Return the seconds, and those of the processor, of a refresh after these documents were posted anew.

    Their margins are frozen again too.
    """
    _spoil(registry, [partner_id for partner_id, *_rest in keys])
    with environment(registry) as env:
        env["crm.value.queue"]._push(keys, refreeze=True)
    with environment(registry) as env:
        processor = []
        taken = seconds(lambda: processor.append(processor_seconds(env["crm.value"]._cron_refresh_stale, env.cr)))
        assert not env["crm.value.queue"].search_count([]), "the queue was not emptied"
    return taken, processor[0]


def _naive(table, registry, full):
    """What one writes in an afternoon: for each customer, search its invoices and add them up."""
    with environment(registry) as env:
        env.cr.execute("SELECT partner_id FROM crm_value ORDER BY md5(partner_id::text)")
        ids = [partner_id for [partner_id] in env.cr.fetchall()]

        def loop():
            for partner in env["res.partner"].browse(ids[:NAIVE_SAMPLE]):
                moves = env["account.move"].search(
                    [
                        ("commercial_partner_id", "=", partner.id),
                        ("state", "=", "posted"),
                        ("move_type", "in", ("out_invoice", "out_refund", "out_receipt")),
                    ]
                )
                sum(moves.mapped("amount_untaxed_signed"))

        naive = seconds(loop) * len(ids) / NAIVE_SAMPLE
    table.add("naive loop over the customers (extrapolated from 1,000)", naive, "s")
    table.add("naive loop / full refresh", naive / full, "×", at_least=100)


def _resources(table, registry, database):
    """What a full refresh takes of the machine, every row rewritten."""
    _spoil(registry)
    memory, processor = forked(_measured_refresh, registry)
    _spoil(registry)
    with LockWatch(database, "bench") as watch:
        written = written_ahead(registry, lambda: forked(refresh, registry))
    if processor is not None:
        table.add("full refresh: processor time of Odoo and its database backend", processor, "s")
    table.add("full refresh: write-ahead log", written, "MB")
    table.add("peak memory of the refresh above its start", memory, "MB", at_most=150)
    table.add("longest time a transaction of it held rows", watch.longest, "s", at_most=1)


def _measured_refresh(registry):
    with environment(registry) as env:
        taken = []
        memory = peak_memory(lambda: taken.append(processor_seconds(lambda: _refresh(env), env.cr)))
    return memory, taken[0]

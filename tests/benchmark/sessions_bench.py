"""Users at work while all customers are refreshed, again and again: whose transactions fail?

Each session is a process of its own that posts invoices in its own journal (a journal's numbers make its users wait
for each other, with any addon or none) and edits the same contacts, each in a transaction, without Odoo's retries.
"""

import multiprocessing
import time

import psycopg2
from environment import environment
from measure import forked
from posting_bench import draft_invoices
from refresh_bench import is_refreshed, refresh

import odoo.sql_db

SESSIONS = 8
ACTIONS = 40


def run(table, registry, _database):
    if not is_refreshed(registry):
        forked(refresh, registry)
    with environment(registry) as env:
        journals = env["account.journal"].search([("type", "=", "sale")], limit=SESSIONS, order="id desc")
        for number in range(len(journals), SESSIONS):
            journals += journals[0].copy({"name": f"Users {number}", "code": f"SU{number}"})
        customers = env["res.partner"].search([("customer_rank", ">", 0)], limit=SESSIONS * ACTIONS)
        work = [
            (draft_invoices(env, customers[number::SESSIONS], journal), customers[number::SESSIONS].ids)
            for number, journal in enumerate(journals)
        ]
    odoo.sql_db.close_all()
    context = multiprocessing.get_context("fork")
    failures, working = context.Value("i", 0), context.Value("i", SESSIONS)
    sessions = [
        context.Process(target=_session, args=(registry, drafts, contacts, failures, working))
        for drafts, contacts in work
    ]
    start = time.perf_counter()
    for session in sessions:
        session.start()
    refreshes = 0
    while working.value:
        forked(refresh, registry)
        refreshes += 1
    for session in sessions:
        session.join()
    assert not any(session.exitcode for session in sessions), "a session broke off"
    taken = time.perf_counter() - start
    table.add(f"{SESSIONS} users' {2 * SESSIONS * ACTIONS} postings and edits during refreshes", taken, "s")
    table.add("refreshes of all customers meanwhile, none aborted", refreshes, "")
    table.add("transactions of these users that failed", failures.value, "", equal=0)


def _session(registry, draft_ids, contact_ids, failures, working):
    try:
        for draft_id, contact_id in zip(draft_ids, contact_ids, strict=True):
            _act(registry, failures, lambda env, ids=draft_id: env["account.move"].browse(ids).action_post())
            _act(
                registry,
                failures,
                lambda env, ids=contact_id: (
                    env["res.partner"].browse(ids).write({"comment": f"Called at {time.time()}"})
                ),
            )
    finally:
        with working.get_lock():
            working.value -= 1


def _act(registry, failures, action):
    try:
        with environment(registry) as env:
            action(env)
    except psycopg2.Error as error:
        print(f"a user's transaction failed: {error}".strip(), flush=True)
        with failures.get_lock():
            failures.value += 1

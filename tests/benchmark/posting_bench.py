"""Posting invoices with and without the addon's hooks.

One draft is posted, rolled back, and posted the other way: both do the same work on the same rows. "Without" sends
the addon's overrides on invoices and their lines straight to what they override.
"""

import inspect
from contextlib import contextmanager, nullcontext
from datetime import date

from environment import environment
from measure import alternate

from odoo import Command

SINGLE_PAIRS = 120
BATCH_PAIRS = 31
BATCH = 100


def run(table, registry, _database):
    with environment(registry) as env:
        customers = env["res.partner"].search([("customer_rank", ">", 0)], limit=BATCH)
        drafts = draft_invoices(env, customers)
    for count, pairs in ((1, SINGLE_PAIRS), (BATCH, BATCH_PAIRS)):
        _compare(table, registry, drafts[:count], pairs)


def draft_invoices(env, customers, journal=None):
    """Return the ids of new drafts, one for each customer."""
    product = env["product.product"].search([("standard_price", ">", 0)], limit=1)
    return (
        env["account.move"]
        .create(
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": customer.id,
                    "invoice_date": date.today(),
                    **({"journal_id": journal.id} if journal else {}),
                    "invoice_line_ids": [
                        Command.create(
                            {"product_id": product.id, "quantity": 2, "price_unit": 50.0, "tax_ids": [Command.clear()]}
                        )
                    ],
                }
                for customer in customers
            ]
        )
        .ids
    )


def _compare(table, registry, draft_ids, pairs):
    statements = {}
    with environment(registry) as env:

        def posting(hooks):
            def post():
                before = env.cr.sql_log_count
                with hooks(env):
                    env["account.move"].browse(draft_ids)._post()
                    env.flush_all()
                statements[hooks] = env.cr.sql_log_count - before

            return post

        with_hooks, _without, ratio = alternate(
            pairs, posting(nullcontext), posting(_without_hooks), reset=env.cr.rollback
        )
        env.cr.rollback()
    label = "posting an invoice" if len(draft_ids) == 1 else f"posting {len(draft_ids)} invoices at once"
    table.add(label, 1000 * with_hooks, "ms")
    table.add(f"{label}, with the addon's hooks / without", ratio, "×", at_most=1.02)
    table.add(
        f"{label}: statements more with the hooks", statements[nullcontext] - statements[_without_hooks], "", equal=1
    )


@contextmanager
def _without_hooks(env):
    """Send the addon's overrides on invoices and their lines to what they override."""
    replaced = []
    for model in ("account.move", "account.move.line"):
        classes = type(env[model]).__mro__
        for place, cls in enumerate(classes):
            if not cls.__module__.startswith("odoo.addons.crm_value"):
                continue
            for name, function in list(vars(cls).items()):
                if inspect.isfunction(function) and any(name in vars(base) for base in classes[place + 1 :]):
                    replaced.append((cls, name, function))
    for cls, name, _function in replaced:
        setattr(cls, name, _pass_on(cls, name))
    try:
        yield
    finally:
        for cls, name, function in replaced:
            setattr(cls, name, function)


def _pass_on(cls, name):
    def method(self, *arguments, **named):
        return getattr(super(cls, self), name)(*arguments, **named)

    return method

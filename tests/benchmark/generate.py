#!/usr/bin/env python3
"""Fill a database with customers and posted invoices: generate.py DATABASE 100k|1m

A customer, an invoice and a credit note are made by Odoo; SQL then copies their rows, all columns, and overwrites
what differs. So whatever Odoo wants to read is there, in the values that Odoo itself would have stored.

The customers' rates are gamma-distributed with shape 1/2 (half a squared normal), so that few buy much and many
once; they come in over three years and leave after an exponential time. Ids follow the dates, as in a grown database.
"""

import sys
from datetime import date

from environment import connect, environment

from odoo import Command

#: customers and posted invoices
SIZES = {"100k": (100_000, 1_000_000), "1m": (1_000_000, 5_000_000)}
YEARS = 3
SEED = 0.42
REFUND_SHARE = 0.03
PRODUCTS = 200
#: journals in which sessions can post at the same time without waiting for each other's numbers
JOURNALS = 8
#: a normally distributed number (Box and Muller); PostgreSQL has random_normal() only since version 16
NORMAL = "sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())"


def main(database, customers, invoices):
    registry = connect(database)
    with environment(registry) as env:
        prototypes = make_prototypes(env)
    with environment(registry) as env:
        cr = env.cr
        cr.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cr.fetchone()[0]:
            # the keys below are right by construction; checking them takes minutes
            cr.execute("SET session_replication_role = replica")
        cr.execute("SET LOCAL max_parallel_workers_per_gather = 0")  # one order of the random numbers
        cr.execute("SELECT setseed(%s)", [SEED])
        indexes = drop_indexes(cr, ["res_partner", "account_move", "account_move_line"])
        plan(cr, customers, invoices)
        insert_partners(cr, prototypes["partner"])
        insert_moves(cr, prototypes)
        insert_lines(cr, prototypes)
        cr.execute(
            "DELETE FROM account_move_line WHERE move_id = ANY(%(moves)s);"
            "DELETE FROM account_move WHERE id = ANY(%(moves)s)",
            {"moves": [prototypes["invoice"], prototypes["refund"]]},
        )
        for definition in indexes:
            cr.execute(definition)
        cr.execute("SET session_replication_role = origin")
    vacuum(registry)


def vacuum(registry):
    """Do what autovacuum would have done: statistics, and the map of the pages that an index may answer for."""
    with registry.cursor() as cr:
        cr.commit()
        cr._cnx.autocommit = True
        cr.execute("VACUUM ANALYZE")
        cr._cnx.autocommit = False


def make_prototypes(env):
    """Let Odoo make what SQL multiplies; return the ids."""
    products = env["product.product"].create(
        [
            {
                "name": f"Article {number}",
                "list_price": 10.0 + number,
                "taxes_id": [Command.clear()],
                # every fifth product has no cost: the company's margin rate is needed too
                "standard_price": 0.6 * (10.0 + number) if number % 5 else 0.0,
            }
            for number in range(PRODUCTS)
        ]
    )
    partner = env["res.partner"].create(
        {
            "name": "Prototype",
            "email": "prototype@example.com",
            "phone": "+1 555 0100",
            "city": "Springfield",
            "country_id": env.ref("base.us").id,
            "is_company": True,
        }
    )
    journal = env["account.journal"].search([("type", "=", "sale")], limit=1)
    for number in range(JOURNALS):
        journal.copy({"name": f"Sales {number + 1}", "code": f"SA{number + 1}"})
    documents = env["account.move"].create(
        [
            {
                "move_type": move_type,
                "partner_id": partner.id,
                "journal_id": journal.id,
                "invoice_date": date.today().replace(month=1, day=2),
                "invoice_line_ids": [
                    Command.create(
                        {
                            "name": "Line",
                            "product_id": products[0].id,
                            "quantity": 1,
                            "price_unit": 100.0,
                            "tax_ids": [Command.clear()],
                        }
                    )
                ],
            }
            for move_type in ("out_invoice", "out_refund")
        ]
    )
    documents.action_post()
    return {
        "partner": partner.id,
        "first_product": products[0].id,
        "invoice": documents[0].id,
        "refund": documents[1].id,
        "prefix": [document.sequence_prefix.split(str(date.today().year))[0] for document in documents],
        **{
            f"{name}_{kind}": document.line_ids.filtered(lambda line, kind=kind: line.display_type == kind).id
            for name, document in zip(("invoice", "refund"), documents, strict=True)
            for kind in ("product", "payment_term")
        },
    }


def drop_indexes(cr, tables):
    """Drop the indexes that are no constraints; return the statements that make them again."""
    cr.execute(
        """
        SELECT indexname, indexdef FROM pg_indexes
         WHERE schemaname = 'public' AND tablename = ANY(%s) AND indexname NOT IN (SELECT conname FROM pg_constraint)
    """,
        [tables],
    )
    indexes = cr.fetchall()
    for name, _definition in indexes:
        cr.execute(f'DROP INDEX "{name}"')
    return [definition for _name, definition in indexes]


def plan(cr, customers, invoices):
    """Decide who exists and who buys what when: tables plan_partner and plan_move."""
    cr.execute(
        f"""
        CREATE TEMP TABLE plan_partner ON COMMIT DROP AS
        WITH rate AS MATERIALIZED (
            SELECT number, -ln(1 - random()) * cos(pi() * random()) ^ 2 AS rate,
                   random() AS entry, -ln(1 - random()) AS stay, {NORMAL} AS level
              FROM generate_series(1, %(customers)s) number
        ), share AS (
            SELECT *, sum(rate) OVER (ORDER BY number) / sum(rate) OVER () AS upto,
                   (sum(rate) OVER (ORDER BY number) - rate) / sum(rate) OVER () AS after
              FROM rate
        )
        SELECT nextval('res_partner_id_seq')::int AS id, number,
               1 + (floor(upto * %(extra)s + 1e-6) - floor(after * %(extra)s + 1e-6))::int AS documents,
               (%(days)s * entry)::int AS entry, (%(days)s * (1 - entry) * least(stay, 1))::int AS stay,
               exp(4 + 0.6 * level) AS level
          FROM share ORDER BY number
    """,
        {"customers": customers, "extra": invoices - customers, "days": 365 * YEARS},
    )
    cr.execute(
        f"""
        CREATE TEMP TABLE plan_move ON COMMIT DROP AS
        WITH document AS MATERIALIZED (
            SELECT partner.id AS partner_id, partner.number,
                   CURRENT_DATE - %(days)s + partner.entry + (partner.stay * random())::int AS date,
                   greatest(round((partner.level * exp(0.4 * {NORMAL}))::numeric, 2), 1) AS amount,
                   ordinal > 1 AND random() < %(refunds)s * 1.1 AS is_refund, random() < 0.5 AS is_reversal,
                   random() AS paid, random() < 0.5 AS has_two_lines, floor(%(products)s * random())::int AS product
              FROM plan_partner partner, generate_series(1, partner.documents) ordinal
        ), numbered AS (
            SELECT *, nextval('account_move_id_seq')::int AS id FROM (SELECT * FROM document ORDER BY date, product) d
        ), placed AS (
            SELECT *, lag(id) OVER w AS previous_id, lag(is_refund) OVER w AS after_refund,
                   row_number() OVER (PARTITION BY is_refund, date_part('year', date) ORDER BY id)::int AS sequence
              FROM numbered WINDOW w AS (PARTITION BY partner_id ORDER BY id)
        )
        SELECT *, CASE WHEN is_refund AND is_reversal AND NOT after_refund THEN previous_id END AS reversed_id,
               CASE WHEN is_refund THEN -1 ELSE 1 END AS sign,
               paid < CASE WHEN date < CURRENT_DATE - 60 THEN 0.98 ELSE 0.4 END AS is_paid
          FROM placed ORDER BY id
    """,
        {"days": 365 * YEARS, "refunds": REFUND_SHARE, "products": PRODUCTS},
    )
    cr.execute("ANALYZE plan_partner; ANALYZE plan_move")


def insert_copies(cr, table, source, prototype, changes):
    """Insert a copy of a prototype row for each row of a source, with some columns changed.

    :param str source: FROM clause
    :param str prototype: SQL of the prototype's id
    :param dict changes: column → SQL
    """
    cr.execute(
        """
        SELECT column_name FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position
    """,
        [table],
    )
    columns = [name for [name] in cr.fetchall()]
    assert changes.keys() <= set(columns), f"{table} has no {changes.keys() - set(columns)}"
    cr.execute(f"""
        INSERT INTO {table} ({", ".join(columns)})
        SELECT {", ".join(changes.get(name, f"prototype.{name}") for name in columns)}
          FROM {source} JOIN {table} prototype ON prototype.id = {prototype}
    """)


def insert_partners(cr, prototype):
    name = "'Customer ' || lpad(plan.number::text, 7, '0')"
    email = "'customer' || plan.number || '@example.com'"
    insert_copies(
        cr,
        "res_partner",
        "plan_partner plan",
        str(prototype),
        {
            "id": "plan.id",
            "commercial_partner_id": "plan.id",
            "name": name,
            "complete_name": name,
            "commercial_company_name": name,
            "email": email,
            "email_normalized": email,
            # the plain stored columns with which the contact list's value columns are compared
            "partner_latitude": "round(plan.level::numeric, 2)",
            "color": "plan.number % 5",
            "customer_rank": "plan.documents",
            "create_date": "now() at time zone 'UTC' - plan.number * interval '1 minute'",
        },
    )


def insert_moves(cr, prototypes):
    invoice_prefix, refund_prefix = prototypes["prefix"]
    prefix = (
        f"CASE WHEN plan.is_refund THEN '{refund_prefix}' ELSE '{invoice_prefix}' END"
        " || to_char(plan.date, 'YYYY') || '/'"
    )
    name = f"{prefix} || lpad(plan.sequence::text, greatest(5, length(plan.sequence::text)), '0')"
    changes = {
        "id": "plan.id",
        "name": name,
        "payment_reference": name,
        "sequence_prefix": prefix,
        "sequence_number": "plan.sequence",
        "access_token": "NULL",
        "partner_id": "plan.partner_id",
        "commercial_partner_id": "plan.partner_id",
        "partner_shipping_id": "plan.partner_id",
        "invoice_partner_display_name": "'Customer ' || lpad(plan.number::text, 7, '0')",
        "date": "plan.date",
        "invoice_date": "plan.date",
        "invoice_date_due": "plan.date + 30",
        "reversed_entry_id": "plan.reversed_id",
        "payment_state": "CASE WHEN plan.is_paid THEN 'paid' ELSE 'not_paid' END",
        "amount_residual": "CASE WHEN plan.is_paid THEN 0 ELSE plan.amount END",
        "amount_residual_signed": "CASE WHEN plan.is_paid THEN 0 ELSE plan.sign * plan.amount END",
    }
    for column in ("amount_untaxed", "amount_total"):
        changes[column] = "plan.amount"
        changes[f"{column}_signed"] = "plan.sign * plan.amount"
        changes[f"{column}_in_currency_signed"] = "plan.sign * plan.amount"
    source = "(SELECT * FROM plan_move ORDER BY id) plan"
    insert_copies(cr, "account_move", source, _prototype(prototypes, "{}"), changes)


def insert_lines(cr, prototypes):
    """One or two product lines a document, 60 % and the rest, and the line of the receivable."""
    first = "CASE WHEN plan.has_two_lines THEN round(plan.amount * 0.6, 2) ELSE plan.amount END"
    common = {
        "id": "nextval('account_move_line_id_seq')::int",
        "move_id": "plan.id",
        "partner_id": "plan.partner_id",
        "date": "plan.date",
        "invoice_date": "plan.date",
        "move_name": "(SELECT move.name FROM account_move move WHERE move.id = plan.id)",
    }
    source = f"""(
        SELECT plan.*, line, CASE line WHEN 1 THEN {first} ELSE plan.amount - {first} END AS part
          FROM plan_move plan, generate_series(1, CASE WHEN plan.has_two_lines THEN 2 ELSE 1 END) line
         ORDER BY plan.id, line) plan"""
    product = f"{prototypes['first_product']} + (plan.product + 7 * (line - 1)) % {PRODUCTS}"
    insert_copies(
        cr,
        "account_move_line",
        source,
        _prototype(prototypes, "{}_product"),
        common
        | {
            "product_id": product,
            "name": f"'Article ' || {product}",
            "sequence": "10 * line",
            "price_unit": "plan.part",
            "price_subtotal": "plan.part",
            "price_total": "plan.part",
            **_amounts("plan.part", "-plan.sign"),
        },
    )
    open_amount = "CASE WHEN plan.is_paid THEN 0 ELSE plan.sign * plan.amount END"
    insert_copies(
        cr,
        "account_move_line",
        "plan_move plan",
        _prototype(prototypes, "{}_payment_term"),
        common
        | {
            "name": "(SELECT move.name FROM account_move move WHERE move.id = plan.id)",
            "date_maturity": "plan.date + 30",
            "reconciled": "plan.is_paid",
            "amount_residual": open_amount,
            "amount_residual_currency": open_amount,
            "price_unit": "plan.sign * plan.amount",
            "price_subtotal": "plan.sign * plan.amount",
            "price_total": "plan.sign * plan.amount",
            **_amounts("plan.amount", "plan.sign"),
        },
    )


def _prototype(prototypes, key):
    return (
        f"CASE WHEN plan.is_refund THEN {prototypes[key.format('refund')]} ELSE {prototypes[key.format('invoice')]} END"
    )


def _amounts(amount, sign):
    """Return the columns of a journal item whose balance is an amount with a sign."""
    return {
        "balance": f"{sign} * {amount}",
        "amount_currency": f"{sign} * {amount}",
        "debit": f"greatest({sign} * {amount}, 0)",
        "credit": f"greatest(-({sign}) * {amount}, 0)",
    }


if __name__ == "__main__":
    main(sys.argv[1], *SIZES[sys.argv[2]])

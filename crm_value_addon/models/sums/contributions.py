"""What a customer, and its month ends, contribute to the sums of its company, in SQL.

How to use: `triggers` let PostgreSQL add what changes; `count` adds up all rows of a company; `add_up` makes one row of
those that belong to the same sum. `bucket` says from which value on a customer counts.

How it works: a contribution is a SELECT of a company, keys and amounts, over rows that count once (``sign`` 1) or that
no longer count (-1). Rows with a sign are all of a company's (`count`), or what a statement made of its old rows and
its new ones (the transition tables of a trigger). All amounts are numbers of a fixed number of decimals: what was added
can be taken away again to the last digit.
"""

from odoo.tools import SQL

#: keys of a sum in their order: column → type
KEYS = {
    "tier_key": "int",
    "has_bought": "bool",
    "stage": "varchar",
    "r_score": "int",
    "f_score": "int",
    "day": "date",
    "age": "int",
    "least": "numeric",
}
#: amounts of a sum
AMOUNTS = (
    "customers",
    "risked_customers",
    "expecting_customers",
    "reconstructed_customers",
    "revenue",
    "revenue_at_risk",
    "margin",
    "clv",
    "equity",
    "expected_revenue",
    "expected_margin",
    "spend_variance",
)
#: the sum over month ends
MONTH = "month"
#: quarters after the first one of which a cohort knows who bought in them
AGES = 11

_QUARTER = "date_trunc('quarter', first_purchase_date::timestamp)::date"
#: kind → (condition, keys, amounts) over customers
_OF_CUSTOMERS = {
    # customers alike in tier, stage and scores
    "group": (
        "TRUE",
        {
            "tier_key": "tier_id",
            "has_bought": "has_bought",
            "stage": "lifecycle_stage",
            "r_score": "r_score",
            "f_score": "f_score",
        },
        {
            "customers": "1",
            "risked_customers": "(revenue_at_risk > 0)::int",
            "revenue": "revenue_12m",
            "revenue_at_risk": "revenue_at_risk",
            "margin": "margin_12m",
            "clv": "clv",
            "equity": "equity",
        },
    ),
    # by the day of the first purchase
    "cohort": (
        "has_bought",
        {"day": "first_purchase_date"},
        {
            "customers": "1",
            "expecting_customers": "(expected_purchases > 0)::int",
            "expected_revenue": "expected_revenue",
            "expected_margin": "expected_margin_12m",
            "spend_variance": "spend_variance",
        },
    ),
    # by the day of the last purchase, and by that on which they were lost
    "last": ("has_bought", {"day": "last_purchase_date"}, {"customers": "1"}),
    "lost": ("has_bought AND lifecycle_stage = 'lost'", {"day": "lifecycle_since"}, {"customers": "1"}),
    # by what they are worth
    "clv": ("clv > 0", {"least": "clv_bucket"}, {"customers": "1", "clv": "clv"}),
    "revenue_12m": ("revenue_12m > 0", {"least": "revenue_bucket"}, {"customers": "1", "revenue": "revenue_12m"}),
}


def bucket(worth):
    """Return the SQL of the first three digits of a positive amount: few enough values for a sum of each."""
    return SQL("trunc(%s, 2 - floor(log(%s::float8))::int)", worth, worth)


def variance(value="value", fit="fit"):
    """Return the SQL of the variance of a customer's spend in the next 12 months.

    With c the expected spend of a purchase and m the expected purchases, Var = c² (m (1 + w) + m² u): w is the squared
    coefficient of variation of single purchases, 1/p of gamma-gamma; u adds up the uncertainty about the customer:
    still there or not (1 - a) / a, its rate 1 / (a (r + x)), its mean spend 1 / (p n + q - 2). Without a model: Poisson
    purchases of exponential spend, 2 c² m.

    A whole number, of which any number can be added up and taken away again.

    :param str value: alias of the customer's row
    :param str fit: alias of the fit that it was computed by
    """
    return SQL(
        """LEAST(
        %(value)s.expected_spend::float8 ^ 2 * CASE WHEN %(value)s.method = 'model' AND %(fit)s.p > 0 THEN
            %(value)s.expected_purchases::float8 * (1 + 1 / %(fit)s.p) + %(value)s.expected_purchases::float8 ^ 2 * (
                (1 - %(value)s.probability_alive::float8 + 1 / (%(fit)s.r + %(value)s.frequency))
                / GREATEST(%(value)s.probability_alive::float8, 0.0001)
                + 1 / GREATEST(%(fit)s.p * %(value)s.purchase_count + %(fit)s.q - 2, 0.5))
        ELSE 2 * %(value)s.expected_purchases::float8 END, 9e18)::int8""",
        value=SQL.identifier(value),
        fit=SQL.identifier(fit),
    )


def _customers(source):
    """Return the SELECT of what of customers is added up, of rows with a sign."""
    return SQL(
        """
        SELECT value.sign, value.company_id, value.tier_id, value.purchase_count > 0 AS has_bought,
               value.lifecycle_stage, value.lifecycle_since, value.r_score, value.f_score,
               value.first_purchase_date, value.last_purchase_date, value.purchase_quarters,
               value.revenue_12m, value.revenue_at_risk, value.margin_12m, value.clv,
               value.clv - COALESCE(value.referral_value, 0) AS equity,
               value.expected_purchases, value.expected_margin_12m, %s AS spend_variance,
               round(value.expected_purchases * value.expected_spend,
                     COALESCE(currency.decimal_places, 2)) AS expected_revenue,
               CASE WHEN value.clv > 0 THEN %s END AS clv_bucket,
               CASE WHEN value.revenue_12m > 0 THEN %s END AS revenue_bucket
          FROM (%s) value
          LEFT JOIN crm_value_fit fit ON fit.id = value.fit_id
          LEFT JOIN res_company company ON company.id = value.company_id
          LEFT JOIN res_currency currency ON currency.id = company.currency_id
        """,
        variance(),
        bucket(SQL("value.clv")),
        bucket(SQL("value.revenue_12m")),
        source,
    )


def _sum(kind, source, condition, keys, amounts, is_change):
    """Return the SELECT of the sums of one kind."""
    chosen = [SQL("%s::%s", SQL(keys.get(name, "NULL")), SQL(cast)) for name, cast in KEYS.items()]
    # no multiplication by the sign: of a million numbers it takes longer than their sum
    signed = "CASE WHEN sign < 0 THEN -(%s) ELSE %s END" if is_change else "%s"
    sums = {name: SQL("sum(%s)", SQL(signed.replace("%s", amount))) for name, amount in amounts.items()}
    return SQL(
        """SELECT company_id, %(kind)s, %(keys)s, %(sums)s FROM %(source)s WHERE %(condition)s
            GROUP BY company_id, %(groups)s HAVING %(differ)s""",
        kind=SQL(f"'{kind}'"),
        keys=SQL(", ").join(chosen),
        sums=SQL(", ").join(SQL("COALESCE(%s, 0)", sums[name]) if name in sums else SQL("0") for name in AMOUNTS),
        source=source,
        condition=SQL(condition),
        groups=SQL(", ").join(SQL(expression) for expression in keys.values()),
        differ=SQL(" OR ").join(SQL("%s <> 0", total) for total in sums.values()),
    )


def _again():
    """Return the SELECT of who of a cohort bought again, by age: of the few patterns that there are, not of each."""
    patterns = SQL(
        """(SELECT company_id, %s AS quarter, purchase_quarters, sum(sign) AS customers FROM changed
             WHERE has_bought GROUP BY 1, 2, 3) pattern CROSS JOIN generate_series(1, %s) number""",
        SQL(_QUARTER),
        SQL(str(AGES)),
    )
    return _sum(
        "again",
        patterns,
        "purchase_quarters & (1 << number) <> 0",
        {"day": "quarter", "age": "number"},
        {"customers": "customers"},
        is_change=False,
    )


def _contributions(table, source, is_change):
    """Return the statement that adds what rows with a sign contribute.

    :param SQL source: SELECT of ``sign`` and the columns of the table
    :param bool is_change: whether these rows are a change to sums that exist
    """
    if table == "crm_value":
        rows = _customers(source)
        parts = [_sum(kind, SQL("changed"), *what, is_change) for kind, what in _OF_CUSTOMERS.items()]
        parts.append(_again())
    else:
        rows = source
        amounts = {
            "customers": "1",
            "reconstructed_customers": "(is_reconstructed IS TRUE)::int",
            "revenue": "revenue_12m",
            "equity": "equity",
        }
        parts = [_sum(MONTH, SQL("changed"), "TRUE", {"day": "as_of_date"}, amounts, is_change)]
    return SQL(
        """WITH changed AS MATERIALIZED (%s)
        INSERT INTO crm_value_sum (is_change, company_key, kind, %s, %s) SELECT %s, * FROM (%s) part""",
        rows,
        SQL(", ").join(map(SQL, KEYS)),
        SQL(", ").join(map(SQL, AMOUNTS)),
        SQL("TRUE" if is_change else "FALSE"),
        SQL(" UNION ALL ").join(parts),
    )


def count(table, company_id):
    """Return the statement that adds up all rows of a company.

    :param str table: crm_value or crm_value_snapshot
    """
    source = SQL("SELECT 1 AS sign, * FROM %s WHERE company_id = %s", SQL.identifier(table), company_id)
    return _contributions(table, source, is_change=False)


def add_up(company_id):
    """Return the statement that makes one row of all rows of each sum of a company."""
    return SQL(
        """
        WITH gone AS (DELETE FROM crm_value_sum WHERE company_key = %(company)s AND kind NOT IN ('whole', 'void')
                      RETURNING *)
        INSERT INTO crm_value_sum (is_change, company_key, kind, %(keys)s, %(amounts)s)
        SELECT FALSE, company_key, kind, %(keys)s, %(sums)s FROM gone
         GROUP BY company_key, kind, %(keys)s HAVING %(differ)s
        """,
        company=company_id,
        keys=SQL(", ").join(map(SQL, KEYS)),
        amounts=SQL(", ").join(map(SQL, AMOUNTS)),
        sums=SQL(", ").join(SQL("sum(%s)", SQL(name)) for name in AMOUNTS),
        differ=SQL(" OR ").join(SQL("sum(%s) <> 0", SQL(name)) for name in AMOUNTS),
    )


# triggers

#: event → the rows with a sign that its transition tables hold
_EVENTS = {
    "INSERT": ("NEW TABLE AS new_rows", "SELECT 1 AS sign, * FROM new_rows"),
    "UPDATE": (
        "OLD TABLE AS old_rows NEW TABLE AS new_rows",
        "SELECT -1 AS sign, * FROM old_rows UNION ALL SELECT 1, * FROM new_rows",
    ),
    "DELETE": ("OLD TABLE AS old_rows", "SELECT -1 AS sign, * FROM old_rows"),
}
_TABLES = ("crm_value", "crm_value_snapshot", "crm_value_fit")


def function(table):
    """Return the name of the function that the triggers of a table call."""
    return f"{table}_count"


def _trigger_statement(table, event, rows):
    """Return what a trigger does after a statement on a table."""
    if table == "crm_value_fit":
        return SQL(
            """INSERT INTO crm_value_sum (company_key, kind)
            SELECT DISTINCT company_id, 'void' FROM (SELECT company_id, id, p, q, r FROM old_rows %s) fit""",
            SQL("EXCEPT SELECT company_id, id, p, q, r FROM new_rows" if event == "UPDATE" else ""),
        )
    return _contributions(table, SQL(rows), is_change=True)


def triggers(table, setting):
    """Return the statements that create the triggers of a table.

    :param str setting: a setting of the transaction; while it is on, nothing is added up
    """
    events = {event: what for event, what in _EVENTS.items() if table != "crm_value_fit" or event != "INSERT"}
    branches = SQL(" ").join(
        SQL(
            # nested: only the tables of this event are there to be asked
            "IF TG_OP = '%s' THEN IF EXISTS (SELECT FROM %s) THEN %s; END IF; END IF;",
            SQL(event),
            SQL("new_rows" if event == "INSERT" else "old_rows"),
            _trigger_statement(table, event, rows),
        )
        for event, (_tables, rows) in events.items()
    )
    yield SQL(
        """
        CREATE OR REPLACE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS $function$
        BEGIN
            IF current_setting('%s', TRUE) = 'on' THEN RETURN NULL; END IF;
            %s
            RETURN NULL;
        END $function$
        """,
        SQL.identifier(function(table)),
        SQL(setting),
        branches,
    )
    for event, (transition, _rows) in events.items():
        name = SQL.identifier(f"{table}_count_{event.lower()}")
        yield SQL("DROP TRIGGER IF EXISTS %s ON %s", name, SQL.identifier(table))
        yield SQL(
            "CREATE TRIGGER %s AFTER %s ON %s REFERENCING %s FOR EACH STATEMENT EXECUTE FUNCTION %s()",
            name,
            SQL(event),
            SQL.identifier(table),
            SQL(transition),
            SQL.identifier(function(table)),
        )


def drop_triggers():
    """Return the statement that drops the functions and, with them, the triggers."""
    return SQL("; ").join(
        SQL("DROP FUNCTION IF EXISTS %s() CASCADE", SQL.identifier(function(table))) for table in _TABLES
    )

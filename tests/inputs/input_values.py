"""Good and bad values for each type of field, as hypothesis strategies."""

from hypothesis import strategies as st

FAR = 2_000_000_000
TEXTS = [
    "",
    " ",
    "0",
    "plain",
    "a" * 10_000,
    "\x00",
    "null\x00inside",
    "\u202eright to left \u0634\u0643\u0631",
    "🜁" * 99,
    "<script>alert(1)</script><b>&amp;",
    "%(name)s %s %d %",
    "{0.__class__.__mro__} {customer} {",
    "${7*7}{{7*7}}",
    "'; DROP TABLE crm_value; --",
    '=HYPERLINK("http://x")',
    "[('id', '=', 1)]",
    "[(",
    "[('no_such', '=', 1)]",
    "__import__('os')",
    "[('partner_id.name', 'ilike', 'x')]",
    "\n\r\t",
    "../../etc/passwd",
    "NaN",
    "\ud800",
    "\ufeff",
]
NUMBERS = [
    0,
    1,
    -1,
    2,
    50,
    100,
    101,
    365,
    3660,
    2**31 - 1,
    -(2**31),
    2**31,
    2**63,
    -(2**63),
    10**30,
    10**400,
    0.0,
    -0.0,
    0.5,
    1.5,
    -0.01,
    1e-300,
    1e15,
    1e16,
    9e13,
    1e300,
    -1e300,
    float("nan"),
    float("inf"),
    float("-inf"),
]
DATES = [
    "2026-01-31",
    "2020-02-29",
    "0001-01-01",
    "0000-01-01",
    "1000-01-01",
    "1899-12-31",
    "9999-12-31",
    "10000-01-01",
    "2026-02-30",
    "31/01/2026",
    "2026-01-31 12:00:00",
    "9999-12-31 23:59:59",
    "0001-01-01 00:00:00",
    "today",
    "-1d",
    "2026-W05",
    "infinity",
    "NaN",
]
WRONG = [None, False, True, 0, 7, -3, 1.5, "", "x", [], {}, [1], [[1]], [None], {"a": 1}, [[6, 0, [1]]], [[0, 0, {}]]]
OPERATORS = [
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "not in",
    "like",
    "ilike",
    "not ilike",
    "=like",
    "any",
    "not any",
    "child_of",
    "parent_of",
    "no_such",
    "",
]


class Ids:
    """Ids of each model: of the company, of another one, of none."""

    def __init__(self, site, foreign):
        self._site = site
        self._foreign = foreign
        self._known = {}
        self._abstract = {
            row["model"]
            for row in site.call("ir.model", "search_read", domain=[("abstract", "=", True)], fields=["model"])
        }

    def of(self, model):
        """Return ids of records that are there, of those of another company, and of some that never were."""
        if model not in self._known:
            # an abstract model has no records
            there = (
                []
                if model in self._abstract
                else self._site.call(model, "search", domain=[], limit=4, context={"active_test": False})
            )
            self._known[model] = [*there, *self._foreign.get(model, [])]
        return [*self._known[model], FAR, -1, 0, 2**31, 2**70]


def values(field, ids):
    """Return the strategy of the values that are tried on a field: its own kind, the edges of it, and other kinds."""
    kind = {
        "char": _text(),
        "text": _text(),
        "html": _text(),
        "integer": _number(),
        "float": _number(),
        "monetary": _number(),
        "boolean": st.booleans(),
        "date": _date(),
        "datetime": _date(),
        "selection": st.sampled_from([*field.options, "no_such", "", "\x00"]),
        "many2one": _many2one(field, ids),
        "one2many": _commands(field, ids),
        "many2many": _commands(field, ids),
        "json": st.recursive(st.sampled_from(WRONG), lambda inner: st.lists(inner, max_size=2), max_leaves=3),
        "binary": st.sampled_from(["", "aGVsbG8=", "!!!", "\x00"]),
        "reference": st.sampled_from(["res.partner,1", "x,y"]),
    }.get(field.type, st.nothing())
    # three of four of its own type: a value of another type is refused at the door by Odoo itself
    return st.one_of(kind, kind, kind, st.sampled_from(WRONG))


def _text():
    return st.one_of(st.sampled_from(TEXTS), st.text(max_size=30))


def _number():
    return st.one_of(st.sampled_from(NUMBERS), st.floats(), st.integers(-1000, 5000))


def _date():
    return st.one_of(
        st.sampled_from(DATES), st.dates().map(str), st.datetimes().map(lambda moment: moment.isoformat(" ", "seconds"))
    )


def _many2one(field, ids):
    return st.deferred(lambda: st.sampled_from(ids.of(field.relation)))


def _commands(field, ids):
    def one():
        known = st.sampled_from(ids.of(field.relation))
        return st.one_of(
            st.tuples(st.sampled_from([2, 3, 4]), known).map(list),
            st.just([5]),
            st.tuples(st.just(6), st.just(0), st.lists(known, max_size=3)).map(list),
            st.tuples(st.just(1), known, st.just({})).map(list),
            st.just([0, 0, {}]),
            st.sampled_from([[9, 0, 0], [4], [4, "x"], "x", 7, None]),
        )

    return st.deferred(lambda: st.lists(one(), max_size=3))

"""Loyalty rules: when two tiers contradict each other, and the one arithmetic that decides a customer's tier.

How to use: describe the tiers of a company as a *ladder*, a list of `Rung` from the lowest to the highest. `faults`
tells what is wrong with it. `decide` returns the SELECT that judges every row of a *source*; assignment, explanation,
simulation and the preview of a merge differ only in their ladder and in their source.

How it works: a rung has a level, its position from 1 on; 0 is "no tier". A source is a SELECT with the columns
``id partner_id tier_id tier_review_date next_tier_id locked_tier_id`` and one, never NULL, for each metric that the
ladder asks for.
"""
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from odoo.tools import SQL

#: no threshold is as large: money beyond it cannot be stored (see lib/postgres/binary_copy.py)
LIMIT = 9e14


@dataclass(frozen=True)
class Line:
    """A criterion: the metric reaches `enter_min` to enter the tier, `keep_min` to keep it."""

    metric: str
    enter_min: float
    keep_min: float


@dataclass(frozen=True)
class Rung:
    """A tier of a ladder; without lines and customers it is given by hand only."""

    tier_id: int
    lines: tuple = ()
    match: str = "all"
    policy: str = "immediate"
    grace_days: int = 0
    #: who may have it: a text to compare tiers by, and the SELECT of partner ids; "" and None: everybody
    domain: str = ""
    customers: SQL | None = None

    @property
    def is_by_hand(self):
        """Whether no rule gives the tier."""
        return not self.lines and not self.domain


# contradictions

def faults(ladder):
    """Yield what is wrong with a ladder as tuples (code, rung, its line, other rung, its line), or None instead.

    Codes: ``limit`` (no such number), ``keep`` (above enter), ``enter_easier`` and ``keep_easier`` (than a lower rung's
    line), ``unreachable`` (everybody who may enter the rung may enter a higher one at once).
    """
    for rung in ladder:
        for line in rung.lines:
            if not max(abs(line.enter_min), abs(line.keep_min)) < LIMIT:
                yield "limit", rung, line, None, None
            elif not line.keep_min <= line.enter_min:
                yield "keep", rung, line, None, None
    for lower, higher in combinations(ladder, 2):
        if not lower.is_by_hand and not higher.is_by_hand and higher.domain in ("", lower.domain):
            yield from _faults_of_pair(lower, higher)


def _faults_of_pair(lower, higher):
    asked = {line.metric: line for line in lower.lines}
    for line in higher.lines:
        other = asked.get(line.metric)
        if other and line.enter_min < other.enter_min:
            yield "enter_easier", higher, line, lower, other
        elif other and line.keep_min < other.keep_min:
            yield "keep_easier", higher, line, lower, other
    if _implies(lower, higher):
        yield "unreachable", lower, None, higher, None


def _implies(rung, other):
    """Tell whether everybody who may enter a rung may enter another one that is open to the same customers."""
    minima = {line.metric: line.enter_min for line in rung.lines}
    ways = [minima] if rung.match == "all" or not minima else [{name: least} for name, least in minima.items()]
    quantifier = all if other.match == "all" or not other.lines else any
    return all(
        quantifier(line.metric in way and way[line.metric] >= line.enter_min for line in other.lines)
        for way in ways)


# the arithmetic

def passes(line, keep=False):
    """Return the condition that a row of ``figures`` reaches a line's threshold."""
    threshold = line.keep_min if keep else line.enter_min
    return SQL("figures.%s >= %s", SQL.identifier(line.metric), threshold)


def admits(ladder, level):
    """Return the condition that a row of ``figures`` belongs to the customers of a rung."""
    return SQL("figures.%s", _admitted(level)) if ladder[level - 1].customers is not None else SQL("TRUE")


def qualifies(ladder, level, keep=False):
    """Return the condition that a row of ``figures`` meets a rung: its customers, and all or any of its lines."""
    rung = ladder[level - 1]
    if rung.is_by_hand:
        return SQL("FALSE")
    lines = [passes(line, keep) for line in rung.lines]
    glue = SQL(" OR ") if rung.match == "any" else SQL(" AND ")
    return SQL("(%s AND (%s))", admits(ladder, level), glue.join(lines) if lines else SQL("TRUE"))


def figures(ladder, source):
    """Return the SELECT of a source's rows, whether they are excluded, and the rungs whose customers they belong to."""
    flags = [
        SQL(", source.partner_id IN (%s) AS %s", rung.customers, _admitted(level))
        for level, rung in enumerate(ladder, 1) if rung.customers is not None
    ]
    # OFFSET 0: the customers of a rung are looked up once a row, not once a mention.
    return SQL("SELECT source.*, %s AS is_excluded%s FROM (%s) source OFFSET 0", _EXCLUDED, SQL().join(flags), source)


def decide(ladder, source, as_of: date):
    """Return the SELECT of the decision on each row of a source.

    Columns: all of the source, and ``decided_tier_id``, ``decided_level``, ``current_level``,
    ``decided_review_date`` (when the decided tier will be lost, NULL while it is deserved),
    ``decided_next_tier_id`` (the next one above that the customer may have).
    """
    levels = range(1, len(ladder) + 1)
    tiers = SQL("%s::int[]", [rung.tier_id for rung in ladder])
    return SQL(
        """
        SELECT decided.*, (%(tiers)s)[decided.decided_level] AS decided_tier_id,
               (%(tiers)s)[%(next)s] AS decided_next_tier_id
          FROM (SELECT judged.*, %(level)s AS decided_level, %(review)s AS decided_review_date
                  FROM (SELECT figures.*, %(entered)s AS entered, %(kept)s AS is_kept, %(floor)s AS floor,
                               %(due)s AS is_due, %(promised)s AS promised
                          FROM (SELECT figures.*, %(current)s AS current_level, %(locked)s AS locked_level
                                  FROM (%(figures)s) figures OFFSET 0) figures
                        OFFSET 0) judged
                OFFSET 0) decided
        """,
        tiers=tiers, level=_DECIDED, review=_REVIEW, figures=figures(ladder, source),
        current=_unless_excluded(_level_of(ladder, SQL("figures.tier_id"))),
        locked=_unless_excluded(_level_of(ladder, SQL("figures.locked_tier_id"))),
        entered=_case([(SQL("NOT figures.is_excluded AND %s", qualifies(ladder, level)), level)
                       for level in reversed(levels)]),
        kept=_case([(_is_at(level), qualifies(ladder, level, keep=True)) for level in levels], SQL("FALSE")),
        floor=_case([
            (SQL("figures.current_level > %s AND %s", level, qualifies(ladder, level, keep=True)), level)
            for level in reversed(levels)]),
        due=_case([(_is_at(level), _due(ladder[level - 1], as_of)) for level in levels], SQL("FALSE")),
        promised=_case([(_is_at(level), _promise(ladder[level - 1], as_of)) for level in levels], SQL("NULL::date")),
        next=_case([
            (SQL("NOT decided.is_excluded AND decided.decided_level < %s AND %s", level, _may_be_next(ladder, level)),
             level) for level in levels]),
    )


#: who wants no evaluation has no tier, neither by figures nor by hand
_EXCLUDED = SQL("(source.partner_id IN (SELECT id FROM res_partner WHERE value_opt_out))")

# Upgrades are immediate. A tier is kept while its keep_min is met; after that until its policy says that it is due.
_DECIDED = SQL(
    """CASE WHEN judged.locked_level > 0 THEN judged.locked_level
            WHEN judged.entered > judged.current_level THEN judged.entered
            WHEN judged.is_kept OR NOT judged.is_due THEN judged.current_level
            ELSE judged.floor END""")
_REVIEW = SQL(
    """CASE WHEN judged.locked_level > 0 OR judged.entered > judged.current_level OR judged.is_kept OR judged.is_due
            THEN NULL ELSE judged.promised END""")


def _case(pairs, default=None):
    default = SQL("0") if default is None else default
    if not pairs:
        return default
    branches = SQL(" ").join(SQL("WHEN %s THEN %s", when, then) for when, then in pairs)
    return SQL("CASE %s ELSE %s END", branches, default)


def _level_of(ladder, column):
    return _case([(SQL("%s = %s", column, rung.tier_id), level) for level, rung in enumerate(ladder, 1)])


def _unless_excluded(level):
    return SQL("CASE WHEN figures.is_excluded THEN 0 ELSE %s END", level)


def _is_at(level):
    return SQL("figures.current_level = %s", level)


def _admitted(level):
    return SQL.identifier(f"is_admitted_{level}")


def _may_be_next(ladder, level):
    rung = ladder[level - 1]
    if rung.is_by_hand:
        return SQL("FALSE")
    return SQL("decided.%s", _admitted(level)) if rung.customers is not None else SQL("TRUE")


def _promise(rung, as_of):
    """Return the date that a pending loss of a rung names; one that was told already stands."""
    if rung.policy == "grace":
        return SQL("COALESCE(figures.tier_review_date, %s::date + %s)", as_of, rung.grace_days)
    if rung.policy == "year_end":
        return SQL("COALESCE(figures.tier_review_date, %s::date)", date(as_of.year, 12, 31))
    return SQL("NULL::date")


def _due(rung, as_of):
    """Return the condition that a rung that is no longer deserved is lost today.

    Grace is over on its date; a tier kept until the year's end is still had on 31 December.
    """
    if rung.policy == "grace":
        return SQL("%s <= %s", _promise(rung, as_of), as_of)
    if rung.policy == "year_end":
        return SQL("%s < %s", _promise(rung, as_of), as_of)
    return SQL("FALSE") if rung.policy == "never" else SQL("TRUE")

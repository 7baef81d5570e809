"""Loyalty rules: when two tiers contradict each other, and the one arithmetic that decides a customer's tier.

How to use: describe the tiers of a company as *rules*, a list of `TierRule` from the lowest tier to the highest.
`rule_conflicts` finds what is wrong with them. `decide` returns the SELECT that evaluates every row of a *source*;
assignment, explanation, simulation and previews differ only in their rules and in their source.

How it works: a tier has a level, its position in the rules from 1 on; level 0 is "no tier". A source is a SELECT with
the columns ``id partner_id tier_id tier_review_date next_tier_id locked_tier_id former_tier_id`` and one, never NULL,
for each metric that the rules ask for. The former tier is the highest one that the customer had within the last days:
whoever had a tier a moment ago gets it back by what keeps it.
"""

from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations
from typing import NamedTuple

from odoo.tools import SQL

#: thresholds lie below it: larger amounts cannot be stored (see lib/postgres/binary_copy.py)
LIMIT = 9e14


@dataclass(frozen=True)
class Criterion:
    """The metric must reach `enter_min` to enter the tier, and `keep_min` to keep it."""

    metric: str
    enter_min: float
    keep_min: float


@dataclass(frozen=True)
class TierRule:
    """What a tier asks for; without criteria and customers it is assigned manually only."""

    tier_id: int
    criteria: tuple = ()
    match: str = "all"
    policy: str = "immediate"
    grace_days: int = 0
    #: which customers may have the tier: a text to compare tiers by, and the SELECT of partner ids; all: "" and None
    domain: str = ""
    customers: SQL | None = None

    @property
    def is_manual(self):
        """Whether no rule assigns the tier."""
        return not self.criteria and not self.domain


class Conflict(NamedTuple):
    """What is wrong with the rules.

    Codes: ``limit`` (a threshold out of range), ``keep`` (above enter), ``enter_easier`` and ``keep_easier`` (than the
    criterion of the lower tier `other`), ``unreachable`` (whoever may enter the tier may enter the higher tier `other`
    at once).
    """

    code: str
    rule: TierRule
    criterion: Criterion | None = None
    other: TierRule | None = None
    other_criterion: Criterion | None = None


# contradictions


def rule_conflicts(rules):
    """Yield each `Conflict` of the rules."""
    for rule in rules:
        for criterion in rule.criteria:
            if not max(abs(criterion.enter_min), abs(criterion.keep_min)) < LIMIT:
                yield Conflict("limit", rule, criterion)
            elif not criterion.keep_min <= criterion.enter_min:
                yield Conflict("keep", rule, criterion)
    for lower, higher in combinations(rules, 2):
        if not lower.is_manual and not higher.is_manual and higher.domain in ("", lower.domain):
            yield from _conflicts_of_pair(lower, higher)


def _conflicts_of_pair(lower, higher):
    asked = {criterion.metric: criterion for criterion in lower.criteria}
    for criterion in higher.criteria:
        other = asked.get(criterion.metric)
        if other and criterion.enter_min < other.enter_min:
            yield Conflict("enter_easier", higher, criterion, lower, other)
        elif other and criterion.keep_min < other.keep_min:
            yield Conflict("keep_easier", higher, criterion, lower, other)
    if _implies(lower, higher):
        yield Conflict("unreachable", lower, other=higher)


def _implies(rule, other):
    """Tell whether whoever may enter a tier may also enter another one that is open to the same customers."""
    quantifier = all if other.match == "all" or not other.criteria else any
    return all(
        quantifier(
            criterion.metric in way and way[criterion.metric] >= criterion.enter_min for criterion in other.criteria
        )
        for way in _ways_to_enter(rule)
    )


def _ways_to_enter(rule):
    """Return the least figures, by metric, of each way in which customers may enter a tier."""
    minima = {criterion.metric: criterion.enter_min for criterion in rule.criteria}
    return [{name: least} for name, least in minima.items()] if rule.match == "any" and minima else [minima]


# the arithmetic


def passes(criterion, keep=False):
    """Return the condition that a row of ``figures`` reaches a criterion's threshold."""
    threshold = criterion.keep_min if keep else criterion.enter_min
    return SQL("figures.%s >= %s", SQL.identifier(criterion.metric), threshold)


def admits(rules, level):
    """Return the condition that a row of ``figures`` belongs to the customers of a tier."""
    return SQL("figures.%s", _admitted(level)) if rules[level - 1].customers is not None else SQL("TRUE")


def qualifies(rules, level, keep=False):
    """Return the condition that a row of ``figures`` meets a tier: its customers, and all or any of its criteria."""
    rule = rules[level - 1]
    if rule.is_manual:
        return SQL("FALSE")
    conditions = [passes(criterion, keep) for criterion in rule.criteria]
    glue = SQL(" OR ") if rule.match == "any" else SQL(" AND ")
    return SQL("(%s AND (%s))", admits(rules, level), glue.join(conditions) if conditions else SQL("TRUE"))


def nearly_entered(rules, share):
    """Return the level of the highest tier above the decided one that a row of `decide` (``figures``) nearly meets.

    :param share: what a figure must reach of each threshold above 0
    """
    near = [
        replace(
            rule,
            criteria=tuple(
                replace(criterion, enter_min=min(criterion.enter_min, share * criterion.enter_min))
                for criterion in rule.criteria
            ),
        )
        for rule in rules
    ]
    return _case(
        [
            (
                SQL("NOT figures.is_excluded AND figures.decided_level < %s AND %s", level, qualifies(near, level)),
                level,
            )
            for level in range(len(rules), 0, -1)
        ],
        SQL("NULL"),
    )


def figures(rules, source):
    """Return the SELECT of a source's rows, whether they are excluded, and which tiers are open to their customers."""
    flags = [
        SQL(", source.partner_id IN (%s) AS %s", rule.customers, _admitted(level))
        for level, rule in enumerate(rules, 1)
        if rule.customers is not None
    ]
    # OFFSET 0: the database looks up the customers of a tier once for each row, not once for each mention.
    return SQL("SELECT source.*, %s AS is_excluded%s FROM (%s) source OFFSET 0", _EXCLUDED, SQL().join(flags), source)


def decide(rules, source, as_of: date):
    """Return the SELECT of the decision on each row of a source.

    Columns: all of the source, and ``decided_tier_id``, ``decided_level``, ``current_level``,
    ``decided_review_date`` (when the decided tier will be lost, NULL while its criteria are met),
    ``decided_next_tier_id`` (the next higher one that is open to the customer), ``is_regained`` (a rise to a tier not
    above the former one).
    """
    levels = range(1, len(rules) + 1)
    tiers = SQL("%s::int[]", [rule.tier_id for rule in rules])
    return SQL(
        """
        SELECT decided.*, (%(tiers)s)[decided.decided_level] AS decided_tier_id,
               (%(tiers)s)[%(next)s] AS decided_next_tier_id,
               decided.decided_level > decided.current_level AND decided.decided_level <= decided.former_level
                   AS is_regained
          FROM (SELECT evaluated.*, %(level)s AS decided_level, %(review)s AS decided_review_date
                  FROM (SELECT figures.*, GREATEST(%(entered)s, %(regained)s) AS entered, %(kept)s AS is_kept,
                               %(floor)s AS floor, %(due)s AS is_due, %(pending)s AS pending_review_date
                          FROM (SELECT figures.*, %(current)s AS current_level, %(locked)s AS locked_level,
                                       %(former)s AS former_level
                                  FROM (%(figures)s) figures OFFSET 0) figures
                        OFFSET 0) evaluated
                OFFSET 0) decided
        """,
        tiers=tiers,
        level=_DECIDED,
        review=_REVIEW,
        figures=figures(rules, source),
        current=_unless_excluded(_level_of(rules, SQL("figures.tier_id"))),
        locked=_unless_excluded(_level_of(rules, SQL("figures.locked_tier_id"))),
        former=_unless_excluded(_level_of(rules, SQL("figures.former_tier_id"))),
        entered=_case(
            [(SQL("NOT figures.is_excluded AND %s", qualifies(rules, level)), level) for level in reversed(levels)]
        ),
        regained=_case(
            [
                (
                    SQL(
                        "%s BETWEEN figures.current_level + 1 AND figures.former_level AND %s",
                        level,
                        qualifies(rules, level, keep=True),
                    ),
                    level,
                )
                for level in reversed(levels)
            ]
        ),
        kept=_case([(_is_at(level), qualifies(rules, level, keep=True)) for level in levels], SQL("FALSE")),
        floor=_case(
            [
                (SQL("figures.current_level > %s AND %s", level, qualifies(rules, level, keep=True)), level)
                for level in reversed(levels)
            ]
        ),
        due=_case([(_is_at(level), _is_due(rules[level - 1], as_of)) for level in levels], SQL("FALSE")),
        pending=_case([(_is_at(level), _review_date(rules[level - 1], as_of)) for level in levels], SQL("NULL::date")),
        next=_case(
            [
                (
                    SQL(
                        "NOT decided.is_excluded AND decided.decided_level < %s AND %s",
                        level,
                        _may_be_next(rules, level),
                    ),
                    level,
                )
                for level in levels
            ]
        ),
    )


#: customers who opted out of scoring have no tier, neither by figures nor by a lock
_EXCLUDED = SQL("(source.partner_id IN (SELECT id FROM res_partner WHERE value_opt_out))")

# Upgrades are immediate. A tier is kept while its keep_min is met, and after that until its policy says that it is due.
_DECIDED = SQL(
    """CASE WHEN evaluated.locked_level > 0 THEN evaluated.locked_level
            WHEN evaluated.entered > evaluated.current_level THEN evaluated.entered
            WHEN evaluated.is_kept OR NOT evaluated.is_due THEN evaluated.current_level
            ELSE evaluated.floor END"""
)
_REVIEW = SQL(
    """CASE WHEN evaluated.locked_level > 0 OR evaluated.entered > evaluated.current_level
                 OR evaluated.is_kept OR evaluated.is_due
            THEN NULL ELSE evaluated.pending_review_date END"""
)


def _case(pairs, default=None):
    default = SQL("0") if default is None else default
    if not pairs:
        return default
    branches = SQL(" ").join(SQL("WHEN %s THEN %s", when, then) for when, then in pairs)
    return SQL("CASE %s ELSE %s END", branches, default)


def _level_of(rules, column):
    return _case([(SQL("%s = %s", column, rule.tier_id), level) for level, rule in enumerate(rules, 1)])


def _unless_excluded(level):
    return SQL("CASE WHEN figures.is_excluded THEN 0 ELSE %s END", level)


def _is_at(level):
    return SQL("figures.current_level = %s", level)


def _admitted(level):
    return SQL.identifier(f"is_admitted_{level}")


def _may_be_next(rules, level):
    rule = rules[level - 1]
    if rule.is_manual:
        return SQL("FALSE")
    return SQL("decided.%s", _admitted(level)) if rule.customers is not None else SQL("TRUE")


def _review_date(rule, as_of):
    """Return the date of a pending loss of a tier; a date that was announced before stands."""
    if rule.policy == "grace":
        return SQL("COALESCE(figures.tier_review_date, %s::date + %s)", as_of, rule.grace_days)
    if rule.policy == "year_end":
        return SQL("COALESCE(figures.tier_review_date, %s::date)", date(as_of.year, 12, 31))
    return SQL("NULL::date")


def _is_due(rule, as_of):
    """Return the condition that a tier whose criteria are no longer met is lost today.

    A grace period is over on its date; a tier kept until the year's end is still held on 31 December.
    """
    if rule.policy == "grace":
        return SQL("%s <= %s", _review_date(rule, as_of), as_of)
    if rule.policy == "year_end":
        return SQL("%s < %s", _review_date(rule, as_of), as_of)
    return SQL("FALSE") if rule.policy == "never" else SQL("TRUE")

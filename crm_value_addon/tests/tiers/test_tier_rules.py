from datetime import date, timedelta

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL

from ...models.tiers import tier_rules
from ...models.tiers.tier_rules import Criterion, TierRule

METRICS = ("revenue_12m", "purchase_count", "clv")
AS_OF = date(2025, 6, 30)
#: small numbers meet thresholds, and each other, often
numbers = st.integers(-3, 12)
money = numbers.map(lambda number: number / 2)


@st.composite
def valid_rules(draw):
    """Rules of up to four tiers without conflicts, some of them for half of the customers only."""
    rules = []
    for tier_id in range(1, draw(st.integers(1, 4)) + 1):
        metrics = draw(st.lists(st.sampled_from(METRICS), min_size=0, max_size=3, unique=True))
        criteria = []
        for metric in metrics:
            enter = draw(money)
            criteria.append(Criterion(metric, enter, min(draw(money), enter)))
        is_half = draw(st.booleans()) and draw(st.booleans())
        rules.append(
            TierRule(
                tier_id,
                tuple(criteria),
                draw(st.sampled_from(["all", "any"])),
                draw(st.sampled_from(["immediate", "grace", "year_end", "never"])),
                draw(st.integers(0, 40)),
                "even" if is_half else "",
                SQL("SELECT generate_series(0, 100, 2)") if is_half else None,
            )
        )
    assume(not list(tier_rules.rule_conflicts(rules)))
    return rules


customers = st.lists(
    st.fixed_dictionaries(
        {
            "tier_id": st.one_of(st.none(), st.integers(1, 5)),
            "tier_review_date": st.one_of(
                st.none(), st.integers(-60, 60).map(lambda days: AS_OF + timedelta(days=days))
            ),
            **dict.fromkeys(METRICS, money),
        }
    ),
    min_size=1,
    max_size=20,
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@tagged("post_install", "-at_install")
class TestTierRules(TransactionCase):
    def decide(self, rules, rows, as_of=AS_OF):
        source = SQL(" UNION ALL ").join(
            SQL(
                """SELECT %s AS id, %s AS partner_id, %s::int AS tier_id, %s::date AS tier_review_date,
                      NULL::int AS next_tier_id, NULL::int AS locked_tier_id, NULL::int AS former_tier_id,
                      %s""",
                number,
                number,
                row["tier_id"],
                row["tier_review_date"],
                SQL(", ").join(SQL("%s::numeric AS %s", row[name], SQL.identifier(name)) for name in METRICS),
            )
            for number, row in enumerate(rows)
        )
        decided = self.env.execute_query_dict(tier_rules.decide(rules, source, as_of))
        return sorted(decided, key=lambda row: row["id"])

    def apply(self, rows, decided):
        return [
            row | {"tier_id": new["decided_tier_id"], "tier_review_date": new["decided_review_date"]}
            for row, new in zip(rows, decided, strict=True)
        ]

    @staticmethod
    def meets(rule, number, row, keep):
        """Tell in Python, apart from the SQL, whether a customer meets a tier."""
        if not rule.criteria and not rule.domain or rule.domain and number % 2:
            return False
        passed = [
            row[criterion.metric] >= (criterion.keep_min if keep else criterion.enter_min)
            for criterion in rule.criteria
        ]
        return (all if rule.match == "all" or not passed else any)(passed)

    @quick
    @given(valid_rules(), customers)
    def test_against_python(self, rules, rows):
        for number, (row, decided) in enumerate(zip(rows, self.decide(rules, rows), strict=True)):
            current = row["tier_id"] if row["tier_id"] and row["tier_id"] <= len(rules) else 0
            entered = max((rule.tier_id for rule in rules if self.meets(rule, number, row, False)), default=0)
            kept = max((rule.tier_id for rule in rules[:current] if self.meets(rule, number, row, True)), default=0)
            level, review = max(entered, kept), None
            if current > level:
                rule = rules[current - 1]
                if rule.policy == "never":
                    level = current
                elif rule.policy == "grace":
                    date_ = row["tier_review_date"] or AS_OF + timedelta(days=rule.grace_days)
                    level, review = (level, None) if date_ <= AS_OF else (current, date_)
                elif rule.policy == "year_end":
                    date_ = row["tier_review_date"] or date(2025, 12, 31)
                    level, review = (level, None) if date_ < AS_OF else (current, date_)
            self.assertEqual((decided["decided_level"], decided["decided_review_date"]), (level, review))

    @quick
    @given(valid_rules(), customers)
    def test_never_below_what_keep_min_grants(self, rules, rows):
        for number, (row, decided) in enumerate(zip(rows, self.decide(rules, rows), strict=True)):
            for rule in rules:
                if rule.tier_id <= (row["tier_id"] or 0) <= len(rules) and self.meets(rule, number, row, True):
                    self.assertGreaterEqual(decided["decided_level"], rule.tier_id)

    @quick
    @given(valid_rules(), customers, st.sampled_from(METRICS), money.filter(lambda number: number > 0))
    def test_monotone_in_each_metric(self, rules, rows, metric, more):
        better = [row | {metric: row[metric] + more} for row in rows]
        for worse, best in zip(self.decide(rules, rows), self.decide(rules, better), strict=True):
            self.assertGreaterEqual(best["decided_level"], worse["decided_level"])

    @quick
    @given(valid_rules(), customers)
    def test_no_flapping(self, rules, rows):
        """Unchanged figures: the second decision of a day changes nothing, and later ones go down once at most."""
        rows = self.apply(rows, self.decide(rules, rows))
        again = self.decide(rules, rows)
        self.assertEqual(rows, self.apply(rows, again))
        levels = [[decided["decided_level"]] for decided in again]
        for days in (1, 20, 41, 184, 185, 400):
            later = self.decide(rules, rows, AS_OF + timedelta(days=days))
            rows = self.apply(rows, later)
            for path, decided in zip(levels, later, strict=True):
                path.append(decided["decided_level"])
        for path in levels:
            self.assertEqual(path, sorted(path, reverse=True))
            self.assertLessEqual(len(set(path)), 2)

    def test_conflicts(self):
        low = TierRule(1, (Criterion("clv", 10, 5),))
        codes = {
            (TierRule(1, (Criterion("clv", 5, 6),)),): ["keep"],
            (TierRule(1, (Criterion("clv", 1e16, 0),)),): ["limit"],
            (TierRule(1, (Criterion("clv", float("nan"), 0),)),): ["limit"],
            (low, TierRule(2, (Criterion("clv", 9, 5),))): ["enter_easier", "unreachable"],
            (low, TierRule(2, (Criterion("clv", 20, 4),))): ["keep_easier"],
            (low, low): ["unreachable"],
            (low, TierRule(2, (Criterion("clv", 10, 5), Criterion("purchase_count", 2, 2)))): [],
            (low, TierRule(2, (Criterion("clv", 20, 10), Criterion("purchase_count", 2, 2)), "any")): [],
            (low, TierRule(2, (Criterion("clv", 10, 10), Criterion("purchase_count", 2, 2)), "any")): ["unreachable"],
            (low, TierRule(2)): [],
            (low, TierRule(2, (Criterion("clv", 2, 1),), domain="some")): [],
            (TierRule(1, (Criterion("clv", 10, 5),), domain="some"), TierRule(2, (Criterion("clv", 2, 1),))): [
                "enter_easier",
                "unreachable",
            ],
            (TierRule(1, domain="some"), TierRule(2, domain="some")): ["unreachable"],
        }
        for rules, expected in codes.items():
            with self.subTest(rules):
                self.assertEqual([conflict.code for conflict in tier_rules.rule_conflicts(rules)], expected)

    def test_without_tiers(self):
        [row] = self.decide([], [{"tier_id": 3, "tier_review_date": None, **dict.fromkeys(METRICS, 1)}])
        self.assertEqual((row["decided_tier_id"], row["decided_next_tier_id"]), (None, None))

from datetime import date, timedelta

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL

from ...models.tiers import tier_rules
from ...models.tiers.tier_rules import Line, Rung

METRICS = ("revenue_12m", "purchase_count", "clv")
AS_OF = date(2025, 6, 30)
#: small numbers meet thresholds, and each other, often
numbers = st.integers(-3, 12)
money = numbers.map(lambda number: number / 2)


@st.composite
def ladders(draw):
    """Valid ladders of up to four tiers, some of them for half of the customers only."""
    rungs = []
    for tier_id in range(1, draw(st.integers(1, 4)) + 1):
        metrics = draw(st.lists(st.sampled_from(METRICS), min_size=0, max_size=3, unique=True))
        lines = []
        for metric in metrics:
            enter = draw(money)
            lines.append(Line(metric, enter, min(draw(money), enter)))
        is_half = draw(st.booleans()) and draw(st.booleans())
        rungs.append(Rung(
            tier_id, tuple(lines), draw(st.sampled_from(["all", "any"])),
            draw(st.sampled_from(["immediate", "grace", "year_end", "never"])), draw(st.integers(0, 40)),
            "even" if is_half else "", SQL("SELECT generate_series(0, 100, 2)") if is_half else None))
    assume(not list(tier_rules.faults(rungs)))
    return rungs


customers = st.lists(st.fixed_dictionaries({
    "tier_id": st.one_of(st.none(), st.integers(1, 5)),
    "tier_review_date": st.one_of(st.none(), st.integers(-60, 60).map(lambda days: AS_OF + timedelta(days=days))),
    **dict.fromkeys(METRICS, money),
}), min_size=1, max_size=20)
quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@tagged("post_install", "-at_install")
class TestTierRules(TransactionCase):
    def decide(self, ladder, rows, as_of=AS_OF):
        source = SQL(" UNION ALL ").join(SQL(
            """SELECT %s AS id, %s AS partner_id, %s::int AS tier_id, %s::date AS tier_review_date,
                      NULL::int AS next_tier_id, NULL::int AS locked_tier_id, %s""",
            number, number, row["tier_id"], row["tier_review_date"],
            SQL(", ").join(SQL("%s::numeric AS %s", row[name], SQL.identifier(name)) for name in METRICS))
            for number, row in enumerate(rows))
        decided = self.env.execute_query_dict(tier_rules.decide(ladder, source, as_of))
        return sorted(decided, key=lambda row: row["id"])

    def apply(self, rows, decided):
        return [row | {"tier_id": new["decided_tier_id"], "tier_review_date": new["decided_review_date"]}
                for row, new in zip(rows, decided, strict=True)]

    @staticmethod
    def meets(rung, number, row, keep):
        """The rule of a tier, told a second time in Python."""
        if not rung.lines and not rung.domain or rung.domain and number % 2:
            return False
        passed = [row[line.metric] >= (line.keep_min if keep else line.enter_min) for line in rung.lines]
        return (all if rung.match == "all" or not passed else any)(passed)

    @quick
    @given(ladders(), customers)
    def test_against_python(self, ladder, rows):
        for number, (row, decided) in enumerate(zip(rows, self.decide(ladder, rows), strict=True)):
            current = row["tier_id"] if row["tier_id"] and row["tier_id"] <= len(ladder) else 0
            entered = max((r.tier_id for r in ladder if self.meets(r, number, row, False)), default=0)
            kept = max(
                (r.tier_id for r in ladder[:current] if self.meets(r, number, row, True)), default=0)
            level, review = max(entered, kept), None
            if current > level:
                rung = ladder[current - 1]
                if rung.policy == "never":
                    level = current
                elif rung.policy == "grace":
                    date_ = row["tier_review_date"] or AS_OF + timedelta(days=rung.grace_days)
                    level, review = (level, None) if date_ <= AS_OF else (current, date_)
                elif rung.policy == "year_end":
                    date_ = row["tier_review_date"] or date(2025, 12, 31)
                    level, review = (level, None) if date_ < AS_OF else (current, date_)
            self.assertEqual((decided["decided_level"], decided["decided_review_date"]), (level, review))

    @quick
    @given(ladders(), customers)
    def test_never_below_what_keep_min_grants(self, ladder, rows):
        for number, (row, decided) in enumerate(zip(rows, self.decide(ladder, rows), strict=True)):
            for rung in ladder:
                if rung.tier_id <= (row["tier_id"] or 0) <= len(ladder) and self.meets(rung, number, row, True):
                    self.assertGreaterEqual(decided["decided_level"], rung.tier_id)

    @quick
    @given(ladders(), customers, st.sampled_from(METRICS), money.filter(lambda number: number > 0))
    def test_monotone_in_each_metric(self, ladder, rows, metric, more):
        better = [row | {metric: row[metric] + more} for row in rows]
        for worse, best in zip(self.decide(ladder, rows), self.decide(ladder, better), strict=True):
            self.assertGreaterEqual(best["decided_level"], worse["decided_level"])

    @quick
    @given(ladders(), customers)
    def test_no_flapping(self, ladder, rows):
        """Unchanged figures: the second decision of a day changes nothing, and later ones go down once at most."""
        rows = self.apply(rows, self.decide(ladder, rows))
        again = self.decide(ladder, rows)
        self.assertEqual(rows, self.apply(rows, again))
        levels = [[decided["decided_level"]] for decided in again]
        for days in (1, 20, 41, 184, 185, 400):
            later = self.decide(ladder, rows, AS_OF + timedelta(days=days))
            rows = self.apply(rows, later)
            for path, decided in zip(levels, later, strict=True):
                path.append(decided["decided_level"])
        for path in levels:
            self.assertEqual(path, sorted(path, reverse=True))
            self.assertLessEqual(len(set(path)), 2)

    def test_faults(self):
        low = Rung(1, (Line("clv", 10, 5),))
        codes = {
            (Rung(1, (Line("clv", 5, 6),)),): ["keep"],
            (Rung(1, (Line("clv", 1e16, 0),)),): ["limit"],
            (Rung(1, (Line("clv", float("nan"), 0),)),): ["limit"],
            (low, Rung(2, (Line("clv", 9, 5),))): ["enter_easier", "unreachable"],
            (low, Rung(2, (Line("clv", 20, 4),))): ["keep_easier"],
            (low, low): ["unreachable"],
            (low, Rung(2, (Line("clv", 10, 5), Line("purchase_count", 2, 2)))): [],
            (low, Rung(2, (Line("clv", 20, 10), Line("purchase_count", 2, 2)), "any")): [],
            (low, Rung(2, (Line("clv", 10, 10), Line("purchase_count", 2, 2)), "any")): ["unreachable"],
            (low, Rung(2)): [],
            (low, Rung(2, (Line("clv", 2, 1),), domain="some")): [],
            (Rung(1, (Line("clv", 10, 5),), domain="some"), Rung(2, (Line("clv", 2, 1),))): [
                "enter_easier", "unreachable"],
            (Rung(1, domain="some"), Rung(2, domain="some")): ["unreachable"],
        }
        for ladder, expected in codes.items():
            with self.subTest(ladder):
                self.assertEqual([fault[0] for fault in tier_rules.faults(ladder)], expected)

    def test_empty_ladder(self):
        [row] = self.decide([], [{"tier_id": 3, "tier_review_date": None, **dict.fromkeys(METRICS, 1)}])
        self.assertEqual((row["decided_tier_id"], row["decided_next_tier_id"]), (None, None))

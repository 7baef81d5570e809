from odoo import api, models
from odoo.tools import SQL, formatLang, ormcache

from ...lib.purchase_history import is_purchase
from . import tier_rules

#: figures that an order's untaxed amount raises once it is invoiced, and those that its margin raises
_BY_AMOUNT = ("revenue_total", "revenue_12m", "revenue_year")
_BY_MARGIN = ("margin_total", "margin_12m", "realised_value")


class CrmValue(models.Model):
    """What an order does to the tier of its customer: the rules' own arithmetic on the figures it would leave."""

    _inherit = "crm.value"

    @api.model
    def _order_outlook(self, company, customer_id, amount, margin):
        """Return the tier that a customer has once an order is invoiced, and what is missing for the next one.

        :param amount: what the order adds to the revenue, in the currency of the company
        :return: dict ``tier_id next_tier_id part``; part as in `_explain_tiers`, None without a next tier
        """
        today = company._value_today()
        ladder = self._order_ladder(company, today)
        if not ladder:
            return {"tier_id": False, "next_tier_id": False, "part": None}
        row = self._judge_with_order(company, today, ladder, customer_id, amount, margin)
        level = next((level for level, rung in enumerate(ladder, 1) if rung.tier_id == row["decided_tier_id_next"]), 0)
        value = self.new({"company_id": company.id})
        return {
            "tier_id": row["decided_tier_id"], "next_tier_id": row["decided_tier_id_next"],
            "part": self._explain_part(value, "next", ladder, level, row) if level else None,
            "amount": self._amount_missing(ladder, level, row) if level else None,
        }

    @api.model
    @ormcache("company.id", "today")
    def _order_ladder(self, company, today):
        return self.env["crm.value.tier"]._ladder(company)

    def _judge_with_order(self, company, today, ladder, customer_id, amount, margin):
        """Return the decision and every condition of the ladder for one customer, as if the order were invoiced."""
        source = self._source_with_order(company, today, ladder, customer_id, amount, margin)
        conditions = [("decided_tier_id_next", SQL("decision.decided_next_tier_id"))]
        for level, rung in enumerate(ladder, 1):
            conditions.append((f"next_{level}", tier_rules.qualifies(ladder, level)))
            conditions += [(f"next_{level}_{line.metric}", tier_rules.passes(line)) for line in rung.lines]
        self.env["crm.value"].flush_model()
        [row] = self.env.execute_query_dict(SQL(
            "SELECT figures.*, decision.decided_tier_id%s FROM (%s) figures CROSS JOIN (%s) decision",
            SQL().join(SQL(", %s AS %s", condition, SQL.identifier(name)) for name, condition in conditions),
            tier_rules.figures(ladder, source), tier_rules.decide(ladder, source, today)))
        return row

    def _source_with_order(self, company, today, ladder, customer_id, amount, margin):
        """Return the figures of one customer, known or not, with an order added (see models/tiers/tier_rules.py)."""
        known = self._tier_source(company, today, ladder, SQL("value.partner_id = %s", customer_id))
        added = {**dict.fromkeys(_BY_AMOUNT, amount), **dict.fromkeys(_BY_MARGIN, margin),
                 "purchase_count": int(is_purchase(amount))}
        return SQL(
            """
            SELECT COALESCE(known.id, 0) AS id, %(customer)s::int AS partner_id, known.tier_id, known.tier_review_date,
                   known.next_tier_id, known.locked_tier_id%(metrics)s
              FROM (SELECT) one LEFT JOIN (%(known)s) known ON TRUE
            """,
            customer=customer_id, known=known, metrics=SQL().join(
                SQL(", COALESCE(known.%s, 0) + %s AS %s",
                    SQL.identifier(name), added.get(name, 0), SQL.identifier(name))
                for name in self._metrics(ladder)))

    @api.model
    def _amount_missing(self, ladder, level, row):
        """Return the revenue that is all that is missing for a tier; None when something else is missing, too."""
        rung = ladder[level - 1]
        if row.get(f"is_admitted_{level}") is False:
            return None
        missing = {line.metric: line.enter_min - float(row[line.metric]) for line in rung.lines
                   if float(row[line.metric]) < line.enter_min}
        by_amount = [gap for metric, gap in missing.items() if metric in _BY_AMOUNT]
        if rung.match == "any":
            return min(by_amount, default=None)
        return max(by_amount) if by_amount and len(by_amount) == len(missing) else None

    @api.model
    def _describe_gap(self, company, outlook):
        """Return in words what an order lacks for the next tier, False when there is none."""
        part = outlook["part"]
        if not part:
            return False
        tier = part["tier"].name
        if outlook["amount"]:
            return self.env._(
                "%(amount)s more and the customer is %(tier)s", tier=tier,
                amount=formatLang(self.env, outlook["amount"], currency_obj=company.currency_id))
        missing = [line for line in part["lines"] if not line["passed"]]
        if not missing or part["is_admitted"] is False:
            return False
        return self.env._("Missing for %(tier)s: %(figures)s", tier=tier, figures=", ".join(
            f"{line['label']} {line['missing']}" if line["missing"] else line["label"] for line in missing))

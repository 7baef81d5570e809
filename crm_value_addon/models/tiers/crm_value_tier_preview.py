from odoo import api, models
from odoo.tools import SQL, formatLang, ormcache

from ...lib.purchase_history import is_purchase
from ..refresh.basis import Basis
from . import tier_rules


class CrmValueTierPreview(models.AbstractModel):
    """What an order or a draft document does to its customer: the rules' own arithmetic on the figures it would leave.

    How to use: `_after_order` and `_describe_gap` for an order, `_after_draft` for a draft invoice or credit note.
    """

    _name = "crm.value.tier.preview"
    _description = "Loyalty Tiers: Preview"

    # orders

    @api.model
    def _after_order(self, company, customer_id, amount, margin):
        """Return the tier that a customer has once an order is invoiced, and what is missing for the next one.

        :param amount: what the order adds to the revenue, in the currency of the company
        :return: dict ``tier_id next_tier_id part amount``; part as in `crm.value.tier.explanation._explain_tiers`,
            None without a next tier
        """
        today = company._value_today()
        ladder = self._order_ladder(company, today)
        if not ladder:
            return {"tier_id": False, "next_tier_id": False, "part": None, "amount": None}
        row = self._evaluate_with_order(company, today, ladder, customer_id, amount, margin)
        level = next((level for level, rung in enumerate(ladder, 1) if rung.tier_id == row["decided_tier_id_next"]), 0)
        value = self.env["crm.value"].new({"company_id": company.id})
        return {
            "tier_id": row["decided_tier_id"], "next_tier_id": row["decided_tier_id_next"],
            "part": self.env["crm.value.tier.explanation"]._explain_part(
                value, "next", ladder, level, row) if level else None,
            "amount": self._amount_missing(ladder, level, row) if level else None,
        }

    @api.model
    @ormcache("company.id", "today")
    def _order_ladder(self, company, today):
        return self.env["crm.value.tier"]._ladder(company)

    def _evaluate_with_order(self, company, today, ladder, customer_id, amount, margin):
        """Return the decision and every condition of the ladder for one customer, as if the order were invoiced."""
        rows = self._select_with_order(company, today, ladder, customer_id, amount, margin)
        conditions = [("decided_tier_id_next", SQL("decision.decided_next_tier_id"))]
        for level, rung in enumerate(ladder, 1):
            conditions.append((f"next_{level}", tier_rules.qualifies(ladder, level)))
            conditions += [(f"next_{level}_{line.metric}", tier_rules.passes(line)) for line in rung.lines]
        self.env["crm.value"].flush_model()
        [row] = self.env.execute_query_dict(SQL(
            "SELECT figures.*, decision.decided_tier_id%s FROM (%s) figures CROSS JOIN (%s) decision",
            SQL().join(SQL(", %s AS %s", condition, SQL.identifier(name)) for name, condition in conditions),
            tier_rules.figures(ladder, rows), tier_rules.decide(ladder, rows, today)))
        return row

    def _select_with_order(self, company, today, ladder, customer_id, amount, margin):
        """Return the figures of one customer, known or not, with an order added (see tier_rules.py)."""
        Assignment, Value = self.env["crm.value.tier.assignment"], self.env["crm.value"]
        known = Assignment._select_figures(company, today, ladder, SQL("value.partner_id = %s", customer_id))
        raises = {"amount": amount, "margin": margin, "purchase": int(is_purchase(amount))}
        added = {name: more for kind, more in raises.items() for name in Value._fields_with("raised_by", kind)}
        return SQL(
            """
            SELECT COALESCE(known.id, 0) AS id, %(customer)s::int AS partner_id, known.tier_id, known.tier_review_date,
                   known.next_tier_id, known.locked_tier_id%(metrics)s
              FROM (SELECT) one LEFT JOIN (%(known)s) known ON TRUE
            """,
            customer=customer_id, known=known, metrics=SQL().join(
                SQL(", COALESCE(known.%s, 0) + %s AS %s",
                    SQL.identifier(name), added.get(name, 0), SQL.identifier(name))
                for name in Assignment._asked_metrics(ladder)))

    @api.model
    def _amount_missing(self, ladder, level, row):
        """Return the revenue that is all that is missing for a tier; None when something else is missing, too."""
        rung = ladder[level - 1]
        if row.get(f"is_admitted_{level}") is False:
            return None
        missing = {line.metric: line.enter_min - float(row[line.metric]) for line in rung.lines
                   if float(row[line.metric]) < line.enter_min}
        raised = self.env["crm.value"]._fields_with("raised_by", "amount")
        by_amount = [gap for metric, gap in missing.items() if metric in raised]
        if rung.match == "any":
            return min(by_amount, default=None)
        return max(by_amount) if by_amount and len(by_amount) == len(missing) else None

    @api.model
    def _describe_gap(self, company, preview):
        """Return in words what an order lacks for the next tier, False when there is none."""
        part = preview["part"]
        if not part:
            return False
        tier = part["tier"].name
        if preview["amount"]:
            return self.env._(
                "%(amount)s more and the customer is %(tier)s", tier=tier,
                amount=formatLang(self.env, preview["amount"], currency_obj=company.currency_id))
        missing = [line for line in part["lines"] if not line["passed"]]
        if not missing or part["is_admitted"] is False:
            return False
        return self.env._("Missing for %(tier)s: %(figures)s", tier=tier, figures=", ".join(
            f"{line['label']} {line['missing']}" if line["missing"] else line["label"] for line in missing))

    # draft documents

    @api.model
    def _after_draft(self, value, company, draft):
        """Return the figures of a customer, and its tier, as they will be once a draft document is posted today.

        :return: dict by the names of the fields; None when the customer cannot be predicted
        """
        as_of = company._value_today()
        basis = Basis(company, as_of, value.partner_id.ids, draft_rows=self._draft_rows(value, company, as_of, draft))
        Refresh, Merge = self.env["crm.value.refresh"], self.env["crm.value.merge"]
        columns, skipped = Refresh._compute(basis)
        if skipped or not len(columns["partner_id"]):
            return None
        columns = Refresh._place(basis, columns, self.env["crm.value.run"]._last_boundaries(company))
        figures = Merge._figures_of(basis, columns)
        return figures | {"tier_id": Merge._decide_as_one(value, company, as_of, value.partner_id, figures)}

    @api.model
    def _draft_rows(self, value, company, as_of, draft):
        """Return the rows that a draft will add to the purchases (see `crm.value.purchase._select_draft_row`)."""
        draft.env.flush_all()
        [[margin, is_down_payment, purchase_revenue]] = self.env.execute_query(SQL(
            """SELECT round(sum(revenue - cost)::numeric, %(decimals)s), bool_and(is_downpayment),
                      COALESCE(round(sum(revenue) FILTER (WHERE NOT is_downpayment), %(decimals)s), 0)
                 FROM (%(lines)s) line""", decimals=company.currency_id.decimal_places,
            lines=self.env["crm.value.document"]._select_lines(company, SQL("= %s", draft.id), 2, draft.id)))
        day, origin = draft.invoice_date or as_of, draft.reversed_entry_id
        key = (value.partner_id.id, company.id)
        rows = [(draft.id, *key, day, draft.amount_untaxed_signed, margin or 0, -draft.amount_untaxed_signed, 0)]
        if origin.state == "posted" and not is_down_payment and origin.commercial_partner_id:
            rows.append((None, *key, origin.invoice_date, 0, 0, 0, purchase_revenue or 0))
        return tuple(rows)

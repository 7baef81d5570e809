from dataclasses import replace

from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL, format_date, formatLang, ormcache

from ...lib.purchase_history import is_purchase
from ..refresh.basis import Basis
from . import tier_rules


class CrmValueTierPreview(models.AbstractModel):
    """What an order or a draft document will do to the tier of its customer.

    How to use: `_after_order` and `_describe_gap` for an order, `_after_draft` for a draft invoice or credit note,
    `_describe_refund` for the warning on a credit note, `_describe_lock` for the dialog of a lock,
    `_describe_qualifying` for the form of a tier.

    How it works: the figures that the document would lead to are decided by the rules' own arithmetic (tier_rules.py).
    An order only raises figures; a draft is computed like a refresh with one more document.
    """

    _name = "crm.value.tier.preview"
    _description = "Loyalty Tiers: Preview"

    # orders

    @api.model
    def _after_order(self, company, customer_id, brings):
        """Return the tier that a customer will have once an order is invoiced, and what is missing for the next one.

        :param brings: what the order adds, in the currency of the company: dict of `raised_by` (see `crm.value`) →
            amount; of ``purchase``, what is bought
        :return: dict ``tier_id next_tier_id step amount``; step as in `crm.value.tier.explanation._explain_tiers`,
            None without a next tier; amount as returned by `_amount_missing`
        """
        today = company._value_today()
        rules = self._cached_rules(company, today)
        if not rules:
            return {"tier_id": False, "next_tier_id": False, "step": None, "amount": None}
        row = self._evaluate_with_order(company, today, rules, customer_id, brings)
        level = next((level for level, rule in enumerate(rules, 1) if rule.tier_id == row["decided_next_tier_id"]), 0)
        value = self.env["crm.value"].new({"company_id": company.id})
        return {
            "tier_id": row["decided_tier_id"],
            "next_tier_id": row["decided_next_tier_id"],
            "step": self.env["crm.value.tier.explanation"]._explain_step(value, "next", rules, level, row)
            if level
            else None,
            "amount": self._amount_missing(rules, level, row) if level else None,
        }

    @api.model
    @ormcache("company.id", "today")
    def _cached_rules(self, company, today):
        """Return the rules of a company, for today only because a condition on customers may contain relative dates."""
        return self.env["crm.value.tier"]._rules_of(company)

    @api.model
    def _evaluate_with_order(self, company, today, rules, customer_id, brings):
        """Return the decision and every condition of the rules for one customer, as if the order were invoiced."""
        rows = self._select_with_order(company, today, rules, customer_id, brings)
        conditions = self.env["crm.value.tier.explanation"]._conditions(rules, "next")
        self.env["crm.value"].flush_model()
        [row] = self.env.execute_query_dict(
            SQL(
                """SELECT figures.*, decision.decided_tier_id, decision.decided_next_tier_id%s
                 FROM (%s) figures CROSS JOIN (%s) decision""",
                SQL().join(SQL(", %s AS %s", condition, SQL.identifier(name)) for name, condition in conditions),
                tier_rules.figures(rules, rows),
                tier_rules.decide(rules, rows, today),
            )
        )
        return row

    @api.model
    def _select_with_order(self, company, today, rules, customer_id, brings):
        """Return the SELECT of a customer's figures with an order added, also of a customer without a value."""
        Assignment, Value = self.env["crm.value.tier.assignment"], self.env["crm.value"]
        known = Assignment._select_figures(company, today, rules, SQL("value.partner_id = %s", customer_id))
        raises = brings | {"purchase": int(is_purchase(brings.get("purchase", 0)))}
        added = {name: more for kind, more in raises.items() for name in Value._fields_with("raised_by", kind)}
        return SQL(
            """
            SELECT COALESCE(known.id, 0) AS id, %(customer)s::int AS partner_id, known.tier_id, known.tier_review_date,
                   known.next_tier_id, known.locked_tier_id, known.former_tier_id%(metrics)s
              FROM (SELECT) one LEFT JOIN (%(known)s) known ON TRUE
            """,
            customer=customer_id,
            known=known,
            metrics=SQL().join(
                SQL(
                    ", COALESCE(known.%s, 0) + %s AS %s", SQL.identifier(name), added.get(name, 0), SQL.identifier(name)
                )
                for name in Assignment._asked_metrics(rules)
            ),
        )

    @api.model
    def _amount_missing(self, rules, level, row):
        """Return the revenue that a customer lacks for a tier; None where revenue alone does not give the tier."""
        rule = rules[level - 1]
        if row.get(f"is_admitted_{level}") is False:
            return None
        missing = {
            criterion.metric: criterion.enter_min - float(row[criterion.metric])
            for criterion in rule.criteria
            if float(row[criterion.metric]) < criterion.enter_min
        }
        raised = self.env["crm.value"]._fields_with("raised_by", "amount", "qualifying")
        by_amount = [gap for metric, gap in missing.items() if metric in raised]
        if rule.match == "any":
            return min(by_amount, default=None)
        return max(by_amount) if by_amount and len(by_amount) == len(missing) else None

    @api.model
    def _describe_gap(self, company, preview):
        """Return in words what an order lacks for the next tier, False when there is no next tier.

        :param preview: what `_after_order` returned
        """
        step = preview["step"]
        if not step:
            return False
        tier = step["tier"].name
        if preview["amount"]:
            return self.env._(
                "%(amount)s more and the customer is %(tier)s",
                tier=tier,
                amount=formatLang(self.env, preview["amount"], currency_obj=company.currency_id),
            )
        missing = [criterion for criterion in step["criteria"] if not criterion["passed"]]
        if not missing or step["is_admitted"] is False:
            return False
        return self.env._(
            "Missing for %(tier)s: %(figures)s",
            tier=tier,
            figures=", ".join(
                " ".join(filter(None, (criterion["label"], criterion["missing"]))) for criterion in missing
            ),
        )

    # drafts of rules

    @api.model
    def _describe_qualifying(self, tier):
        """Return in words how many customers meet the criteria of a tier as they stand, also while they are typed."""
        company = tier.company_id or self.env.company
        criteria = tier.criterion_ids.filtered("metric")
        # a count tells of hidden figures, too: customer by customer where the condition names one
        may_ask = tier.browse().has_access("write") and company in self.env.companies
        Value, Metric = self.env["crm.value"], self.env["crm.value.tier.metric"]
        if not may_ask or not all(
            Value._has_field_access(Metric._field(criterion.metric), "read") for criterion in criteria
        ):
            return False
        try:
            tier._check_partner_domain()
        except ValidationError:
            return False  # saving says what is wrong with it
        rule = replace(tier._tier_rule(company, criteria), tier_id=0)
        if rule.is_manual:
            return False
        Value.flush_model()
        Assignment, rules = self.env["crm.value.tier.assignment"], [rule]
        source = Assignment._select_figures(company, company._value_today(), rules, SQL("TRUE"))
        [[count, total]] = self.env.execute_query(
            SQL(
                "SELECT count(*) FILTER (WHERE NOT figures.is_excluded AND %s), count(*) FROM (%s) figures",
                tier_rules.qualifies(rules, 1),
                tier_rules.figures(rules, source),
            )
        )
        return self.env._("%(count)s of %(total)s customers would qualify", count=count, total=total)

    # locks

    @api.model
    def _describe_lock(self, value, tier):
        """Return in words which gift and mail a customer gets once its tier is locked."""
        company, present = value.company_id, value.tier_id
        today = company._value_today()
        # sudo: whoever may lock tiers reads here what follows, not the mails and gifts of the customer.
        env = self.sudo().env
        if value.sudo().is_opted_out:
            return self.env._("The customer opted out of scoring: it gets neither the tier, nor a gift, nor a mail.")
        if present and (tier.sequence, tier.id) <= (present.sequence, present.id):
            return self.env._("No gift and no mail is sent: this is no rise.")
        if company._value_is_early(today):
            return self.env._(
                "No gift and no mail is sent before %(date)s.", date=format_date(self.env, company.value_gifts_from)
            )
        if env["crm.value.tier.assignment"]._had_lately(value, tier):
            return self.env._("No gift and no mail is sent: the customer had the tier a few days ago.")
        gifts = env["crm.value.gift.calendar"]._due_for(value.with_env(env), tier.with_env(env), today, "reach")
        mail = env["crm.value.mail"]._mail_for_reaching(value.with_env(env), tier, today)
        texts = [
            *(self.env._("the gift “%(gift)s”", gift=gift.program_id.name) for gift in gifts),
            *([self.env._("the mail “%(mail)s”", mail=mail.name)] if mail else []),
        ]
        if not texts:
            return self.env._("No gift and no mail is sent.")
        return self.env._("The customer gets at once: %(what)s.", what=", ".join(texts))

    # draft documents

    @api.model
    def _after_draft(self, value, company, draft):
        """Return the figures and the tier that a customer will have once a draft document is posted today.

        :return: dict by the names of the fields; None when the customer cannot be predicted
        """
        as_of = company._value_today()
        rows, qualifying = self._draft_rows(value, company, as_of, draft)
        basis = Basis(company, as_of, value.partner_id.ids, draft_rows=rows, draft_qualifying=qualifying)
        Refresh, Merge = self.env["crm.value.refresh"], self.env["crm.value.merge"]
        columns, skipped = Refresh._compute(basis)
        if skipped or not len(columns["partner_id"]):
            return None
        columns = Refresh._place(basis, columns, self.env["crm.value.run"]._last_boundaries(company))
        figures = Merge._figures_of(basis, columns)
        return figures | {"tier_id": Merge._decide_as_one(value, company, as_of, value.partner_id, figures)}

    @api.model
    def _describe_refund(self, note):
        """Return in words which revenue and tier the customer has once a draft credit note is posted, or False."""
        # sudo: the tier rules look at margins, too; only revenue and tier are shown.
        company = note.company_id.sudo()
        Value = self.env["crm.value"].sudo().with_company(company).with_context(allowed_company_ids=company.ids)
        value = Value.search(
            [("company_id", "=", company.id), ("partner_id", "=", note.commercial_partner_id.id)], limit=1
        )
        after = value and value.env["crm.value.tier.preview"]._after_draft(value, company, note)
        if not after:
            return False
        text = self.env._(
            "Once this is posted, the revenue of %(customer)s in the last 12 months is %(after)s (now %(before)s)",
            customer=note.commercial_partner_id.display_name,
            after=formatLang(self.env, after["revenue_12m"], currency_obj=company.currency_id),
            before=formatLang(self.env, value.revenue_12m, currency_obj=company.currency_id),
        )
        tier, present = after["tier_id"], value.tier_id
        if tier == present:
            needs = self._needs_no_longer_met(value, company, after)
            return (
                f"{text}."
                if not needs
                else self.env._(
                    "%(text)s. To keep %(tier)s it needs %(needs)s: the tier is in danger.",
                    text=text,
                    tier=present.name,
                    needs=needs,
                )
            )
        return self.env._(
            "%(text)s, and its tier %(after)s (now %(before)s).",
            text=text,
            after=tier.name or self.env._("none"),
            before=present.name or self.env._("none"),
        )

    @api.model
    def _needs_no_longer_met(self, value, company, after):
        """Return in words which figures will no longer suffice for the present tier; empty where they do.

        Figures for few eyes are left out.
        """
        rules = self._cached_rules(company, company._value_today())
        rule = next((rule for rule in rules if rule.tier_id == value.tier_id.id), None)
        if not rule or value.tier_lock_id:
            return ""
        missed = [one for one in rule.criteria if one.metric in after and float(after[one.metric] or 0) < one.keep_min]
        if rule.match == "any" and len(missed) < len(rule.criteria):
            return ""
        explanation = self.env["crm.value.tier.explanation"]
        return ", ".join(
            f"{explanation._label(one.metric)} "
            f"{explanation._format_figure(company.currency_id, one.metric, one.keep_min)}"
            for one in missed
            if not explanation._field(one.metric).groups
        )

    @api.model
    def _draft_rows(self, value, company, as_of, draft):
        """Return what a draft adds: rows of purchases (see `crm.value.purchase._select_draft_row`), and its qualifying
        amount as `Basis` takes it."""
        draft.env.flush_all()
        [net] = self.env.execute_query_dict(
            self.env["crm.value.document"]._select_net(company, SQL("= %s", draft.id), 2, draft.id)
        )
        bought = float(net["bought"])
        margin = float(net["margin"] or 0) + self.env["crm.value.document.cost"]._draft_difference(draft)
        day = draft.invoice_date or as_of
        key = (value.partner_id.id, company.id)
        rows = [(draft.id, *key, day, draft.amount_untaxed_signed, margin, max(-bought, 0), max(bought, 0))]
        if bought < 0:
            rows += [(None, *key, date, 0, 0, 0, amount) for date, amount in self._taken_back(value, draft, bought)]
        qualifying = bought if net["qualifying"] is None else float(net["qualifying"])
        return tuple(rows), (key[0], day, bought, qualifying)

    @api.model
    def _taken_back(self, value, draft, bought):
        """Return the (date, amount) of what a draft takes back from the purchases of a customer."""
        note = SQL(
            "SELECT %s::int AS move_id, %s::int AS reversed_id, %s::numeric AS bought",
            draft.id,
            draft.reversed_entry_id.id or None,
            bought,
        )
        Purchase = self.env["crm.value.purchase"]
        return self.env.execute_query(
            SQL(
                """SELECT COALESCE(origin.invoice_date, origin.date), taken.amount FROM (%s) taken
                     JOIN account_move origin ON origin.id = taken.origin_id
                     JOIN account_move counted ON counted.id = taken.counted_id
                    WHERE counted.commercial_partner_id = %s AND %s AND %s""",
                self.env["crm.value.document.taken"]._select_taken_back(draft.company_id, note, draft.id),
                value.partner_id.id,
                Purchase._where_document("origin"),
                Purchase._where_document("counted"),
            )
        )

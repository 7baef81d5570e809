from odoo import api, fields, models
from odoo.tools import SQL, formatLang

from ...const import MARGIN_GROUP
from ..components.crm_value_component import PARTS

#: items of a part that are told one by one
_SHOWN = 8


class CrmValueExplanation(models.Model):
    """Why a customer has its figures: each part of the value, what it is made of in words, and its records."""

    _inherit = "crm.value"

    value_explanation = fields.Json(
        string="Why This Value", compute="_compute_value_explanation", groups=MARGIN_GROUP)

    @api.depends("clv", "realised_value")
    @api.depends_context("uid", "lang")
    def _compute_value_explanation(self):
        for value in self:
            value.value_explanation = value.explain_value() if value.id else False

    @api.readonly
    def explain_value(self):
        """Return why this customer is worth what it is.

        :return: dict ``customer company as_of_date currency clv realised_value parts realised since nightly``: parts
            is a list of dicts ``name label amount sign configured inputs records``, whose amounts times signs add up to
            ``clv``; ``inputs`` are sentences, ``records`` dicts ``key label`` for `action_open_part`; ``since`` tells
            what changed from the last month's end, with ``as_of_date`` and ``parts``, False without one
        :raise AccessError: the user may not see what this customer is worth
        """
        self.ensure_one()
        self.check_access("read")
        self._check_field_access(self._fields["clv"], "read")
        self.env.flush_all()
        return {
            "customer": self.partner_id.display_name, "company": self.company_id.display_name,
            "as_of_date": self.as_of_date and self.as_of_date.isoformat(), "currency": self.currency_id.name,
            "clv": self.clv, "realised_value": self.realised_value,
            "parts": [self._explain_value_part(name, sign) for name, sign in PARTS.items()],
            "realised": self._explain_realised(), "since": self._explain_since(),
            "nightly": self.env._(
                "Growth, referral, knowledge and costs are as of the last nightly refresh."),
        }

    def _explain_value_part(self, name, sign):
        configured, inputs, records = getattr(self, f"_explain_{name}")()
        if not configured:
            inputs = [self.env._("Not configured")]
        return {
            "name": name, "label": self._fields[name]._description_string(self.env), "amount": self[name], "sign": sign,
            "configured": bool(configured), "inputs": inputs,
            "records": [{"key": key, "label": label} for key, label in records]}

    # what each part is made of: (configured, sentences, [(key, label)])

    def _explain_transaction_value(self):
        records = [("purchases", self.env._("Purchases"))] if self.purchase_count else []
        if not self.purchase_count:
            return True, [self.env._("No purchase yet")], records
        words = [self.env._("%(count)s purchases", count=self.purchase_count) if self.purchase_count > 1
                 else self.env._("One purchase")]
        if self.frequency:
            days = (self.last_purchase_date - self.first_purchase_date).days / self.frequency
            words.append(self.env._("every %(days)s days", days=round(days)))
        words.append(self.env._("%(amount)s each", amount=self._money(self.monetary_value)))
        words.append(self.env._("last %(days)s days ago", days=self.days_since_last_purchase))
        if self.method == "model":
            words.append(self.env._("%(share)s %% likely active", share=round(100 * self.probability_alive)))
        company = self.company_id.sudo()  # sudo: settings are told to who may see their result
        how = {
            "model": self.env._(
                "%(count)s purchases of %(amount)s expected in the next 12 months, by the prediction model",
                count=round(self.expected_purchases, 1), amount=self._money(self.expected_spend)),
            "history": self.env._(
                "The last 12 months carried forward, %(share)s %% of it left after each year",
                share=round(100 * company.value_retention_rate)),
        }.get(self.method, "")
        return True, [", ".join(words), how, self.env._(
            "Over %(months)s months, %(share)s %% off for each year of waiting",
            months=company.value_horizon_months, share=round(100 * company.value_discount_rate))], records

    def _explain_growth_value(self):
        company = self.company_id.sudo()  # sudo: settings are told to who may see their result
        rows = self.env.execute_query_dict(SQL(
            "SELECT * FROM (%s) growth WHERE worth > 0 ORDER BY worth DESC", self._select_growth(
                company, company._value_today(), SQL("partner.commercial_partner_id = %s", self.partner_id.id))))
        leads, orders = ([row[key] for row in rows if row[key]] for key in ("lead_id", "order_id"))
        records = []
        if leads:
            records.append(("opportunities", self.env._("%(count)s opportunities", count=len(leads))))
        if orders:
            records.append(("quotations", self.env._("%(count)s quotations", count=len(orders))))
        inputs = [self._explain_chance(row) for row in rows[:_SHOWN]]
        if rows:
            inputs.append(self.env._(
                "times the margin rate of %(share)s %%, discounted to the month it is expected in",
                share=round(100 * self._growth_ratio(company))))
        return True, inputs or [self.env._("No open opportunity or sent quotation")], records

    def _explain_chance(self, row):
        record = self.env["crm.lead" if row["lead_id"] else "sale.order"].browse(row["lead_id"] or row["order_id"])
        name = record.display_name if record.has_access("read") else self.env._("One that you may not open")
        month = max(-(-row["days"] * 100 // 3044), 1)
        return self.env._("%(name)s: %(amount)s after its probability, expected in month %(month)s",
                          name=name, amount=self._money(row["worth"]), month=month)

    def _explain_referral_value(self):
        company = self.company_id.sudo()  # sudo: settings are told to who may see their result
        if not self._counts_referrals(company):
            return False, [], []
        if not self.referred_count:
            return True, [self.env._("Nobody was referred by this customer")], []
        return True, [
            self.env._(
                "%(share)s %% of what %(count)s referred customer(s) are expected to bring in their first "
                "%(months)s months", share=round(100 * company.value_referral_share), count=self.referred_count,
                months=company.value_referral_months),
            self.env._("They have realised %(amount)s so far, which is theirs",
                       amount=self._money(self.referred_realised_value)),
        ], [("referred", self.env._("Referred customers"))]

    def _explain_knowledge_value(self):
        company = self.company_id.sudo()  # sudo: settings are told to who may see their result
        if not self._feedback_kinds(company):
            return False, [], []
        rows = self.env.execute_query(SQL(
            "SELECT kind_id, amount, count(*) FROM (%s) item WHERE partner_id = %s GROUP BY 1, 2 ORDER BY 1",
            self._select_feedback(company, company._value_today()), self.partner_id.id))
        kinds = self.env["crm.value.feedback.kind"].sudo()  # sudo: the name of a kind is no secret
        inputs = [self.env._(
            "%(count)s × %(kind)s at %(amount)s in the last 12 months", count=count, kind=kinds.browse(kind_id).name,
            amount=self._money(amount)) for kind_id, amount, count in rows]
        if inputs and company.value_knowledge_cap:
            inputs.append(self.env._("at most %(amount)s a year", amount=self._money(company.value_knowledge_cap)))
        return True, inputs or [self.env._("No feedback in the last 12 months")], [
            ("feedback", self.env._("Feedback"))] if inputs else []

    def _explain_service_cost(self):
        rows = self._cost_rows()
        if rows is None:
            return False, [], []
        rows = [row for row in rows if row["cost_12m"]]
        return True, [
            self.env._("%(driver)s: %(amount)s in the last 12 months", driver=self._driver_label(row["driver"]),
                       amount=self._money(row["cost_12m"])) for row in rows
        ] or [self.env._("No cost in the last 12 months")], []

    def _explain_realised(self):
        """Return the realised value as margin less cost, by driver."""
        rows = self._cost_rows()
        labels = [(row["driver"], self._driver_label(row["driver"])) for row in rows or []]
        return {
            "margin": self.margin_total, "cost": self.cost_to_serve,
            "inputs": [self.env._("%(count)s × %(driver)s: %(amount)s", driver=self._driver_label(row["driver"]),
                                  amount=self._money(row["cost"]), count=row["count"]) for row in rows or []]
            or [self.env._("No cost to serve") if rows is not None else self.env._("Cost to serve: not configured")],
            "records": [{"key": key, "label": label} for key, label in labels],
        }

    def _cost_rows(self):
        """Return what each driver has cost for this customer; None where all are off."""
        company = self.company_id.sudo()  # sudo: settings decide which drivers there are
        query = self.env["crm.value.cost.source"]._query(
            company, company._value_today(), SQL("partner_id = %s", self.partner_id.id))
        return query and self.env.execute_query_dict(query)

    @api.model
    def _driver_label(self, driver):
        return {
            "acquisition": self.env._("Acquisition"), "work": self.env._("Activities and messages"),
            "benefits": self.env._("Gifts and discounts"), "credit_notes": self.env._("Credit notes"),
            "late_payment": self.env._("Late payment"),
        }.get(driver, driver)

    def _explain_since(self):
        """Return what changed since the last month's end before today."""
        today = self.company_id._value_today()
        before = self.snapshot_ids.filtered(lambda taken: taken.as_of_date < today).sorted("as_of_date")[-1:]
        if not before:
            return False
        places = self.currency_id.decimal_places
        return {
            "as_of_date": before.as_of_date.isoformat(), "clv": before.clv,
            "change": round(self.clv - before.clv, places),
            "parts": [{
                "name": name, "label": self._fields[name]._description_string(self.env),
                "change": round(sign * (self[name] - before[name]), places),
            } for name, sign in PARTS.items()]}

    def _money(self, amount):
        return formatLang(self.env, amount, currency_obj=self.currency_id)

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date, formatLang

from ..components.crm_value_component import COMPONENTS

#: opportunities and quotations that are listed one by one
_SHOWN = 8


class CrmValueExplanation(models.AbstractModel):
    """Why a customer has its figures: the inputs of each component of the value in words, and the records behind them.

    How to use: `crm.value.explain_value` and `crm.value.action_open_part`, which check that the user may see the CLV.

    How it works: each component of the value has a method `_explain_<name>` that returns whether it is configured, its
    inputs as sentences, and the keys and labels of its records; `_open` opens the records of a key. For a
    customer who opted out of scoring, no component has inputs.
    """

    _name = "crm.value.explanation"
    _description = "Customer Value: Explanation"

    @api.model
    def _explain(self, value):
        """Return the explanation of a customer's value (see `crm.value.explain_value`)."""
        self.env.flush_all()
        return {
            "customer": value.partner_id.display_name,
            "company": value.company_id.display_name,
            "as_of_date": value.as_of_date and value.as_of_date.isoformat(),
            "currency": value.currency_id.name,
            "clv": value.clv,
            "realised_value": value.realised_value,
            "parts": [self._explain_component(value, name, sign) for name, sign in COMPONENTS.items()],
            "realised": self._explain_realised(value),
            "documents": self._explain_counted(value) + self._explain_documents(value),
            "since": self._explain_since(value),
            "nightly": self.env._("Growth, referral, knowledge and costs are as of the last nightly refresh."),
        }

    @api.model
    def _explain_component(self, value, name, sign):
        amount = value[name]
        if self._is_opted_out(value):
            amount, configured, inputs, records = 0.0, False, [self.env._("The customer opted out of scoring")], []
        else:
            configured, inputs, records = getattr(self, f"_explain_{name}")(value)
            if not configured:
                inputs = [self.env._("Not configured")]
        return {
            "name": name,
            "label": value._fields[name]._description_string(self.env),
            "amount": amount,
            "sign": sign,
            "configured": bool(configured),
            "inputs": inputs,
            "records": [{"key": key, "label": label} for key, label in records],
        }

    @api.model
    def _is_opted_out(self, value):
        return value.sudo().is_opted_out  # sudo: reads only the opt-out flag

    # the components: (configured, inputs, [(key, label)])

    @api.model
    def _explain_transaction_value(self, value):
        if not value.purchase_count:
            return True, [self.env._("No purchase yet")], []
        company = value.company_id.sudo()  # sudo: whoever sees the result may know the settings behind it
        forecast = {
            "model": self.env._(
                "%(count)s purchases of %(amount)s expected in the next 12 months, by the prediction model",
                count=round(value.expected_purchases, 1),
                amount=self._money(value, value.expected_spend),
            ),
            "history": self.env._(
                "The last 12 months carried forward, %(share)s %% of it left after each year",
                share=round(100 * company.value_retention_rate),
            ),
        }.get(value.method, "")
        horizon = self.env._(
            "Over %(months)s months, %(share)s %% off for each year of waiting",
            months=company.value_horizon_months,
            share=round(100 * company.value_discount_rate),
        )
        return (
            True,
            [self._describe_purchases(value), forecast, horizon],
            [
                ("purchases", self.env._("Purchases")),
                ("documents", self.env._("What each document counted as")),
            ],
        )

    @api.model
    def _describe_purchases(self, value):
        """Return number, rhythm, size and age of the purchases in one line."""
        words = [
            self.env._("%(count)s purchases", count=value.purchase_count)
            if value.purchase_count > 1
            else self.env._("One purchase")
        ]
        if value.frequency:
            days = (value.last_purchase_date - value.first_purchase_date).days / value.frequency
            words.append(self.env._("every %(days)s days", days=round(days)))
        words.append(self.env._("%(amount)s each", amount=self._money(value, value.monetary_value)))
        words.append(self.env._("last %(days)s days ago", days=value.days_since_last_purchase))
        if value.method == "model":
            words.append(self.env._("%(share)s %% likely active", share=round(100 * value.probability_alive)))
        return ", ".join(words)

    @api.model
    def _explain_growth_value(self, value):
        rows = self._growth_rows(value, SQL(" WHERE worth > 0 ORDER BY worth DESC"))
        leads, orders = ([row[key] for row in rows if row[key]] for key in ("lead_id", "order_id"))
        records = []
        if leads:
            records.append(("opportunities", self.env._("%(count)s opportunities", count=len(leads))))
        if orders:
            records.append(("quotations", self.env._("%(count)s quotations", count=len(orders))))
        inputs = [self._describe_chance(value, row) for row in rows[:_SHOWN]]
        if rows:
            company = value.company_id.sudo()  # sudo: whoever sees the result may know the settings behind it
            inputs.append(
                self.env._(
                    "times the margin rate of %(share)s %%, discounted to the month it is expected in",
                    share=round(100 * self.env["crm.value.growth"]._growth_ratio(company)),
                )
            )
        return True, inputs or [self.env._("No open opportunity or sent quotation")], records

    @api.model
    def _growth_rows(self, value, suffix):
        """Return the customer's opportunities and quotations with their expected worth."""
        company = value.company_id.sudo()  # sudo: the settings decide what counts
        growth = self.env["crm.value.growth"]._select_growth(
            company, company._value_today(), SQL("partner.commercial_partner_id = %s", value.partner_id.id)
        )
        return self.env.execute_query_dict(SQL("SELECT * FROM (%s) growth%s", growth, suffix))

    @api.model
    def _describe_chance(self, value, row):
        record = self.env["crm.lead" if row["lead_id"] else "sale.order"].browse(row["lead_id"] or row["order_id"])
        name = record.display_name if record.has_access("read") else self.env._("One that you may not open")
        month = max(-(-row["days"] * 100 // 3044), 1)
        return self.env._(
            "%(name)s: %(amount)s after its probability, expected in month %(month)s",
            name=name,
            amount=self._money(value, row["worth"]),
            month=month,
        )

    @api.model
    def _explain_referral_value(self, value):
        company = value.company_id.sudo()  # sudo: whoever sees the result may know the settings behind it
        if not self.env["crm.value.referral.value"]._counts_referrals(company):
            return False, [], []
        if not value.referred_count:
            return True, [self.env._("Nobody was referred by this customer")], []
        return (
            True,
            [
                self.env._(
                    "%(share)s %% of what the referred customers (%(count)s) are expected to bring in their first "
                    "%(months)s months",
                    share=round(100 * company.value_referral_share),
                    count=value.referred_count,
                    months=company.value_referral_months,
                ),
                self.env._(
                    "They have realised %(amount)s so far, which is theirs",
                    amount=self._money(value, value.referred_realised_value),
                ),
            ],
            [("referred", self.env._("Referred customers"))],
        )

    @api.model
    def _explain_knowledge_value(self, value):
        company = value.company_id.sudo()  # sudo: whoever sees the result may know the settings behind it
        if not self.env["crm.value.knowledge"]._feedback_kinds(company):
            return False, [], []
        rows = self.env.execute_query(
            SQL(
                "SELECT kind_id, amount, count(*) FROM (%s) item WHERE partner_id = %s GROUP BY 1, 2 ORDER BY 1",
                self.env["crm.value.knowledge"]._select_feedback(company, company._value_today()),
                value.partner_id.id,
            )
        )
        kinds = self.env["crm.value.feedback.kind"].sudo()  # sudo: the name of a kind is no secret
        inputs = [
            self.env._(
                "%(count)s × %(kind)s at %(amount)s in the last 12 months",
                count=count,
                kind=kinds.browse(kind_id).name,
                amount=self._money(value, amount),
            )
            for kind_id, amount, count in rows
        ]
        if inputs and company.value_knowledge_cap:
            inputs.append(
                self.env._("at most %(amount)s a year", amount=self._money(value, company.value_knowledge_cap))
            )
        return (
            True,
            inputs or [self.env._("No feedback in the last 12 months")],
            [("feedback", self.env._("Feedback"))] if inputs else [],
        )

    @api.model
    def _explain_service_cost(self, value):
        rows = self._cost_rows(value)
        if rows is None:
            return False, [], []
        inputs = [
            self.env._(
                "%(driver)s: %(amount)s in the last 12 months",
                driver=self._driver_label(row["driver"]),
                amount=self._money(value, row["cost_12m"]),
            )
            for row in rows
            if row["cost_12m"]
        ]
        return True, inputs or [self.env._("No cost in the last 12 months")], []

    # the realised value, and the month before

    @api.model
    def _explain_realised(self, value):
        """Return the realised value as margin less cost, by driver."""
        rows = self._cost_rows(value)
        inputs = [
            self.env._(
                "%(count)s × %(driver)s: %(amount)s",
                driver=self._driver_label(row["driver"]),
                amount=self._money(value, row["cost"]),
                count=row["count"],
            )
            for row in rows or []
        ]
        if not inputs:
            inputs = [self.env._("Cost to serve: not configured") if rows is None else self.env._("No cost to serve")]
        return {
            "margin": value.margin_total,
            "cost": value.cost_to_serve,
            "inputs": inputs,
            "records": [{"key": row["driver"], "label": self._driver_label(row["driver"])} for row in rows or []],
        }

    @api.model
    def _explain_documents(self, value):
        """Return what the last documents counted as, and why, in words; `_open` opens all of them."""
        # sudo: the list of the same documents names them to whoever sees margins, see `crm.value.document.role_reason`
        documents = self.env["crm.value.document"].sudo().search(self._counted_domain(value))
        documents = documents.sorted(lambda document: (document.move_id.date, document.move_id.id), reverse=True)
        roles = dict(documents._fields["role"]._description_selection(self.env))
        return [
            self.env._(
                "%(document)s, %(day)s: %(role)s. %(reason)s.",
                document=document.move_id.name,
                day=format_date(self.env, document.move_id.invoice_date or document.move_id.date),
                role=roles[document.role],
                reason=document.role_reason,
            )
            for document in documents[:_SHOWN]
        ]

    @api.model
    def _explain_counted(self, value):
        """Return how the qualifying amount comes of the revenue, in words; nothing where the two are the same."""
        parts = [part for part in self.env["crm.value.qualifying"]._parts(value) if part[1]]
        if not parts:
            return []
        lines = [
            self.env._(
                "%(amount)s of a revenue of %(revenue)s counts for tiers.",
                amount=self._money(value, value.qualifying_total),
                revenue=self._money(value, value.revenue_total),
            )
        ]
        return lines + [
            self.env._("Without %(amount)s: %(reason)s.", amount=self._money(value, amount), reason=reason)
            for reason, amount in parts
        ]

    @api.model
    def _counted_domain(self, value):
        domain = [leaf for leaf in value._documents_domain() if leaf[0] != "journal_id"]  # told with the reason
        return [("role", "!=", False), *((f"move_id.{leaf[0]}", *leaf[1:]) for leaf in domain)]

    @api.model
    def _open_counted(self, value):
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_document_action")
        return action | {"domain": self._counted_domain(value)}

    @api.model
    def _cost_rows(self, value):
        """Return the cost of each driver for this customer; None when all drivers are off."""
        company = value.company_id.sudo()  # sudo: the settings decide which drivers there are
        query = self.env["crm.value.cost.source"]._query(
            company, company._value_today(), SQL("partner_id = %s", value.partner_id.id)
        )
        return query and self.env.execute_query_dict(query)

    @api.model
    def _driver_label(self, driver):
        return {
            "acquisition": self.env._("Acquisition"),
            "work": self.env._("Activities and messages"),
            "benefits": self.env._("Gifts and discounts"),
            "credit_notes": self.env._("Credit notes"),
            "late_payment": self.env._("Late payment"),
        }.get(driver, driver)

    @api.model
    def _explain_since(self, value):
        """Return what changed since the last month's end that a refresh took before today; False without one."""
        today = value.company_id._value_today()
        before = value.snapshot_ids.filtered(lambda row: row.as_of_date < today and not row.is_reconstructed)
        before = before.sorted("as_of_date")[-1:]
        if not before or self._is_opted_out(value):
            return False
        places = value.currency_id.decimal_places
        return {
            "as_of_date": before.as_of_date.isoformat(),
            "clv": before.clv,
            "change": round(value.clv - before.clv, places),
            "parts": [
                {
                    "name": name,
                    "label": value._fields[name]._description_string(self.env),
                    "change": round(sign * (value[name] - before[name]), places),
                }
                for name, sign in COMPONENTS.items()
            ],
        }

    @api.model
    def _money(self, value, amount):
        return formatLang(self.env, amount, currency_obj=value.currency_id)

    # the records behind it

    @api.model
    def _open(self, value, key):
        """Return the action that opens the records of a key, as far as the user may read them.

        :raise UserError: there is no such key
        """
        customer = ("partner_id", "child_of", value.partner_id.id)
        opener = {
            "purchases": value.action_open_purchases,
            "documents": lambda: self._open_counted(value),
            "opportunities": lambda: self._open_chances(value, "lead_id", "crm.lead"),
            "quotations": lambda: self._open_chances(value, "order_id", "sale.order"),
            "referred": lambda: self._open_records("crm.value", value._referred_domain()),
            "feedback": lambda: self._open_records(
                "crm.value.feedback", [customer, ("company_id", "=", value.company_id.id)]
            ),
            "acquisition": lambda: self._open_records("crm.lead", [customer, ("won_status", "=", "won")]),
            "work": lambda: self._open_work(value),
            "benefits": lambda: self._open_records("crm.value.grant", [("value_id", "=", value.id)]),
            "credit_notes": value.with_context(value_refunds=True).action_open_documents,
            "late_payment": lambda: self._open_late(value),
        }.get(key)
        if not opener:
            raise UserError(self.env._("There is no part named “%(key)s”.", key=key))
        return opener()

    @api.model
    def _open_records(self, model, domain):
        return {
            "type": "ir.actions.act_window",
            "name": self.env["ir.model"]._get(model).display_name,
            "res_model": model,
            "views": [(False, "list"), (False, "form")],
            "domain": domain,
            "context": {"create": False},
        }

    @api.model
    def _open_chances(self, value, column, model):
        rows = self._growth_rows(value, SQL())
        return self._open_records(model, [("id", "in", [row[column] for row in rows if row[column]])])

    @api.model
    def _open_work(self, value):
        """Open the activities done for this customer; its messages are in the chatter of the records."""
        domain = ["|", "|", "|"]
        for model, path in (
            ("res.partner", "id"),
            ("crm.lead", "partner_id"),
            ("sale.order", "partner_id"),
            ("account.move", "partner_id"),
        ):
            found = (
                self.env[model].with_context(active_test=False).search([(path, "child_of", value.partner_id.id)])
                if self.env[model].has_access("read")
                else self.env[model]
            )
            domain += ["&", ("res_model", "=", model), ("res_id", "in", found.ids)]
        action = self._open_records("mail.activity", [("date_done", "!=", False), *domain])
        return action | {"context": {"create": False, "active_test": False}}

    @api.model
    def _open_late(self, value):
        company = value.company_id
        rows = self.env.execute_query(
            SQL(
                "SELECT DISTINCT move_id FROM (%s) late WHERE settled > maturity AND amount > 0 AND partner_id = %s",
                self.env["crm.value.cost.source"]._select_late(company, company._value_today()),
                value.partner_id.id,
            )
        )
        ids = [move_id for [move_id] in rows]
        return value._action_documents([("id", "in", ids)], len(ids))

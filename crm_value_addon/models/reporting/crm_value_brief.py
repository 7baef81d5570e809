from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import format_date, formatLang

from ...const import MARGIN_GROUP
from ...lib.windows import windows
from ..components.crm_value_component import COMPONENTS
from .crm_value_brief_source import row

#: customers that may be asked for at once
LIMIT = 200
#: lines of a list; the rest is named by its number, so that a customer stays on one page
_SHOWN = 5
#: quarters of the trend
_QUARTERS = 8


class CrmValueBrief(models.AbstractModel):
    """What one should know of a customer before one calls, on one page: for people as PDF, for programs as text.

    How to use: `brief`, over JSON-2; the report *Review Sheet* draws `_sheets`.

    How it works: both are the same sections, read with the rights of whoever asks. What it may not see is not read:
    amounts that tell a margin only for the group that sees margins, quotations and opportunities as its own rules say.
    Everything is read for all customers at once.
    """

    _name = "crm.value.brief"
    _description = "Customer Value: Review Sheet"

    @api.readonly
    @api.model
    def brief(self, partner_ids):
        """Return what is known of customers, in the language of the user, for people and programs that advise it.

        :param list partner_ids: customers, or contacts of theirs, at most `LIMIT`
        :return: list of dicts ``partner_id name company as_of_date text sections``, a customer after the other in the
            order asked for, one for each active company where it has a value; ``text`` is the whole sheet,
            ``sections`` a list of dicts ``name title rows`` with dicts ``label text`` as rows
        :raise AccessError: the user may not read customer values, or one of these contacts
        :raise UserError: no list of ids of contacts that exist, or too many of them
        """
        self.env["crm.value"].check_access("read")
        sheets = self._sheets(self._values_of(partner_ids))
        return [
            {
                "partner_id": sheet["value"].partner_id.id,
                "name": sheet["name"],
                "company": sheet["company"],
                "as_of_date": sheet["value"].as_of_date.isoformat() if sheet["value"].as_of_date else False,
                "text": self._text(sheet),
                "sections": sheet["sections"],
            }
            for sheet in sheets
        ]

    @api.model
    def _values_of(self, partner_ids):
        """Return the values of contacts in the active companies, in the order of the contacts."""
        is_list = isinstance(partner_ids, list | tuple) and all(
            isinstance(one, int) and 0 < one < 2**31 for one in partner_ids
        )
        partners = self.env["res.partner"].browse(dict.fromkeys(partner_ids) if is_list else [])
        if not partners or len(partners.exists()) < len(partners):
            raise UserError(self.env._("Give a list of ids of contacts that exist."))
        if len(partners) > LIMIT:
            raise UserError(
                self.env._(
                    "At most %(limit)s customers at once; these are %(count)s.", limit=LIMIT, count=len(partners)
                )
            )
        partners.check_access("read")
        customers = partners.commercial_partner_id
        place = {partner_id: number for number, partner_id in enumerate(customers.ids)}
        values = self.env["crm.value"].search(
            [("partner_id", "in", customers.ids), ("company_id", "in", self.env.companies.ids)]
        )
        return values.sorted(lambda value: (place[value.partner_id.id], value.company_id.id))

    @api.model
    def _text(self, sheet):
        lines = [self._heading(sheet)]
        for section in sheet["sections"]:
            lines += ["", section["title"]]
            lines += [
                f"- {one['label']}: {one['text']}" if one["label"] else f"- {one['text']}" for one in section["rows"]
            ]
        return "\n".join(lines)

    @api.model
    def _heading(self, sheet):
        return self.env._(
            "%(customer)s, customer of %(company)s, figures of %(date)s",
            customer=sheet["name"],
            company=sheet["company"],
            date=format_date(self.env, sheet["value"].as_of_date) or self.env._("no day yet"),
        )

    # the sheet

    @api.model
    def _sheets(self, values):
        """Return the sheet of each value: dicts ``value name company heading sections quarters``.

        :raise AccessError: the user may not read one of these values
        """
        values.check_access("read")
        source = self.env["crm.value.brief.source"]
        found = {
            "explained": self.env["crm.value.tier.explanation"]._explain_tiers(values),
            "days": source._days(values),
            "followups": self.env["crm.value.customer.page"]._followups(values),
            "products": source._products(values),
            "suggestions": source._suggestions(values),
            "offers": source._offers(values),
            "contacts": source._contacts(values),
        }
        return [self._sheet(value, found) for value in values]

    @api.model
    def _sheet(self, value, found):
        quarters = self._quarters(value, found["days"].get(value.id, ()))
        sections = [
            self._section("overview", self.env._("At a glance"), self._overview(value, found["explained"])),
            self._section("todo", self.env._("Why to call"), self._todo(value, found["followups"].get(value.id, ()))),
            self._section("trend", self.env._("Trend"), self._trend(value, found["days"].get(value.id, ()), quarters)),
            self._section("worth", self.env._("What it is worth"), self._worth(value)),
            self._section("tier", self.env._("Tier"), self._tier(found["explained"].get(value.id))),
            self._section("products", self.env._("Products"), found["products"].get(value.id, ())),
            self._section("suggestions", self.env._("What to offer"), found["suggestions"].get(value.id, ())),
            self._section("offers", self.env._("Open offers"), found["offers"].get(value.id, ())),
            self._section("contacts", self.env._("Last contacts"), found["contacts"].get(value.id, ())),
        ]
        sheet = {
            "value": value,
            "name": value.partner_id.display_name,
            "company": value.company_id.sudo().name,  # sudo: the name of a company whose values one may read
            "sections": [section for section in sections if section["rows"]],
            "quarters": quarters,
        }
        return sheet | {"heading": self._heading(sheet)}

    @api.model
    def _section(self, name, title, rows):
        rows = list(rows)
        if len(rows) > _SHOWN and name not in ("overview", "trend"):
            more = row("", self.env._("and %(count)s more", count=len(rows) - _SHOWN))
            rows = [*rows[:_SHOWN], more]
        return {"name": name, "title": title, "rows": rows}

    @api.model
    def _money(self, value, amount):
        return self.env["crm.value.customer.page"]._money(value, amount)

    @api.model
    def _overview(self, value, explained):
        """Return the tiles of the customer's page, whom to call, and what is overdue."""
        page = self.env["crm.value.customer.page"]
        rows = [
            row(tile["label"], ", ".join(filter(None, (tile["text"], tile["detail"]))))
            for tile in page._tiles(value, explained.get(value.id))
        ]
        contact = page._contact(value.partner_id)
        reach = ", ".join(filter(None, (contact["phone"] and contact["name"], contact["phone"], contact["email"])))
        if reach:
            rows.append(row(self.env._("Contact"), reach))
        if value.partner_id.user_id:
            rows.append(row(self.env._("Salesperson"), value.partner_id.user_id.name))
        if value.overdue_amount:
            rows.append(row(self.env._("Overdue"), self._money(value, value.overdue_amount)))
        if value.caution:
            rows.append(row(self.env._("Handle with care"), value.caution_reason or ""))
        return rows

    @api.model
    def _todo(self, value, followups):
        for followup in followups:
            when = followup["deadline"]
            if followup["is_late"]:
                when = self.env._("overdue since %(date)s", date=when)
            yield row(
                followup["summary"],
                ", ".join(filter(None, (when, followup["user"], " ".join(followup["note"].split())))),
            )
        if value.churn_risk in ("medium", "high"):
            field = value._fields["churn_risk"]
            risk = dict(field._description_selection(self.env))[value.churn_risk]
            yield row(field._description_string(self.env), risk)
        if value.tier_review_date and value.tier_id:
            yield row(
                self.env._("Tier in danger"),
                self.env._(
                    "loses %(tier)s on %(date)s without new purchases",
                    tier=value.tier_id.name,
                    date=format_date(self.env, value.tier_review_date),
                ),
            )

    @api.model
    def _worth(self, value):
        """Return the parts of the lifetime value, and margins, for whoever sees them."""
        if value.is_opted_out or not self.env.user.has_group(MARGIN_GROUP):
            return
        for name in (*COMPONENTS, "expected_margin_12m", "margin_12m", "realised_value"):
            if value[name]:
                amount = value[name] * COMPONENTS.get(name, 1)
                yield row(value._fields[name]._description_string(self.env), self._money(value, amount))

    @api.model
    def _tier(self, explained):
        """Return what each criterion asks for and how far the customer is."""
        for step in explained["steps"] if explained else ():
            title = (
                self.env._("To reach %(tier)s", tier=step["tier"].name)
                if step["kind"] == "next"
                else self.env._("To keep %(tier)s", tier=step["tier"].name)
            )
            texts = []
            for criterion in step["criteria"]:
                if criterion["have"] is None:
                    met = self.env._("met") if criterion["passed"] else self.env._("not met")
                    texts.append(f"{criterion['label']} {met}")
                else:
                    texts.append(
                        self.env._(
                            "%(figure)s %(have)s of %(need)s",
                            figure=criterion["label"],
                            have=criterion["have"],
                            need=criterion["need"],
                        )
                    )
            joint = self.env._(" or ") if step["match"] == "any" else self.env._(" and ")
            if texts:
                yield row(title, joint.join(texts))

    # the trend

    @api.model
    def _quarters(self, value, days):
        """Return the revenue of the last eight calendar quarters: dicts ``label amount text width``."""
        today = value.company_id._value_today()
        this = today.replace(month=3 * ((today.month - 1) // 3) + 1, day=1)
        starts = [this - relativedelta(months=3 * back) for back in reversed(range(_QUARTERS))]
        amounts = [
            sum(revenue for day, revenue in days if start <= day < start + relativedelta(months=3)) for start in starts
        ]
        highest = max(amounts, default=0)
        return [
            {
                "label": f"Q{(start.month - 1) // 3 + 1} {start.year}",
                "amount": amount,
                "text": self._money(value, amount),
                "width": round(100 * max(amount, 0) / highest) if highest > 0 else 0,
            }
            for start, amount in zip(starts, amounts, strict=True)
        ]

    @api.model
    def _trend(self, value, days, quarters):
        if not days:
            return
        today = value.company_id._value_today()
        since, until = windows(today)["revenue_12m"]
        before, _until = windows(since - timedelta(days=1))["revenue_12m"]
        recent, past = (
            sum(revenue for day, revenue in days if start <= day < end)
            for start, end in ((since, until), (before, since))
        )
        text = self.env._(
            "%(recent)s, in the 12 months before %(past)s",
            recent=self._money(value, recent),
            past=self._money(value, past),
        )
        if past > 0:
            change = formatLang(self.env, 100 * (recent / past - 1), digits=0)
            text = self.env._(
                "%(amounts)s (%(change)s %%)", amounts=text, change=f"+{change}" if recent > past else change
            )
        yield row(self.env._("Revenue of 12 months"), text)
        rows = ", ".join(f"{quarter['label']} {quarter['text']}" for quarter in quarters)
        yield row(self.env._("By quarter, the last one still running"), rows)

import itertools

from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import format_amount, format_date
from odoo.tools.mail import html2plaintext

from ...const import MARGIN_GROUP

#: months that the customer's chart goes back
MONTHS = 24
#: from here on decimals tell nothing
_WHOLE_FROM = 10_000
#: stages in which a customer asks for something
_WARNING = {"at_risk": "warning", "lost": "danger", "loyal": "success", "won_back": "success"}


class CrmValueCustomerPage(models.AbstractModel):
    """The top of a customer's page: the answers in five tiles, what to do next, and the chart of its own past.

    How to use: `read_page`.

    How it works: the form asks for it once its figures are drawn, so that opening a customer costs no query more. All
    texts are in the language of the reader; what the reader may not see is not sent.
    """

    _name = "crm.value.customer.page"
    _description = "Customer Value: Page of a Customer"

    @api.readonly
    @api.model
    def read_page(self, value_id):
        """Return what stands at the top of the page of a customer.

        :param int value_id: a `crm.value`
        :return: dict of JSON values: ``tiles``, a list of dicts ``name label text detail tone help``; ``contact``, a
            dict ``partner_id name phone email``; ``followups``, a list of dicts ``id activity_id summary note deadline
            is_late user``, the most urgent first; ``chart``, a dict ``labels bought worth worth_label moves`` or False;
            ``question``, the id of the `crm.value.departure` that waits for a reason, or False
        :raise AccessError: the user may not read this customer's value
        :raise UserError: there is none of this id
        """
        self.env["crm.value"].check_access("read")
        is_id = isinstance(value_id, int) and 0 < value_id < 2**31
        value = self.env["crm.value"].browse(value_id if is_id else []).exists()
        if not value:
            raise UserError(self.env._("There is no customer value %(id)s.", id=value_id))
        value.check_access("read")
        return {
            "tiles": self._tiles(value, self.env["crm.value.tier.explanation"]._explain_tiers(value).get(value.id)),
            "contact": self._contact(value.partner_id),
            "followups": self._followups(value).get(value.id, []),
            "chart": self._chart(value),
            "question": self._question(value),
        }

    # the tiles

    @api.model
    def _tiles(self, value, explained):
        """Return the answers about a customer.

        :param dict explained: what `crm.value.tier.explanation` says of it, None where that is nothing
        """
        tiles = (
            self._tier_tile(value),
            self._stage_tile(value),
            self._worth_tile(value),
            self._next_purchase_tile(value),
            self._next_tier_tile(explained),
        )
        return [tile for tile in tiles if tile]

    @api.model
    def _tile(self, name, label, text, detail="", tone="", hint=""):
        return {"name": name, "label": label, "text": text, "detail": detail, "tone": tone, "help": hint}

    @api.model
    def _tier_tile(self, value):
        """Return the tier and until when the customer has it."""
        tier, lock = value.tier_id, value.tier_lock_id
        if not tier and not lock:
            return None
        detail, tone = "", ""
        if lock:
            detail = (
                self.env._("locked until %(date)s", date=self._day(lock.until))
                if lock.until
                else self.env._("locked by hand")
            )
        elif value.tier_review_date:
            tone = "warning"
            detail = self.env._("lost on %(date)s without new purchases", date=self._day(value.tier_review_date))
        elif value.tier_since:
            detail = self.env._("since %(date)s", date=self._day(value.tier_since))
        field = value._fields["tier_review_date"]
        return self._tile(
            "tier",
            self.env._("Tier"),
            tier.name or self.env._("No tier"),
            detail,
            tone,
            field._description_help(self.env),
        ) | {"color": tier.color, "icon": tier.icon or "", "is_locked": bool(lock)}

    @api.model
    def _stage_tile(self, value):
        """Return the stage with its reason, as one would tell it on the phone."""
        stage = value.lifecycle_stage
        if not stage:
            return None
        field = value._fields["lifecycle_stage"]
        name = dict(field._description_selection(self.env))[stage]
        return self._tile(
            "stage",
            self.env._("Stage"),
            name,
            self._stage_reason(value),
            _WARNING.get(stage, ""),
            field._description_help(self.env),
        )

    @api.model
    def _stage_reason(self, value):
        """Return why a customer is in its stage, in words that a salesperson may read to the customer."""
        stage, last = value.lifecycle_stage, value.last_purchase_date
        if stage == "lead":
            return self.env._("an opportunity is open; nothing was bought yet")
        if stage == "prospect":
            return self.env._("a quotation is out, or an order is likely; nothing was bought yet")
        if not last:
            return ""
        if stage == "new":
            return self.env._("first purchase on %(date)s", date=self._day(value.first_purchase_date))
        if stage == "won_back" and value.previous_purchase_date:
            return self.env._(
                "bought again on %(date)s, after %(days)s days of silence",
                date=self._day(last),
                days=(last - value.previous_purchase_date).days,
            )
        return self._rhythm(value.first_purchase_date, last, value.purchase_count, value.company_id._value_today())

    @api.model
    def _rhythm(self, first, last, count, today):
        """Return in words how often a customer buys, and for how long it has not; empty where it never bought."""
        if not last:
            return ""
        silent = (today - last).days
        if count < 2:
            return self.env._("bought once, %(days)s days ago", days=silent)
        usual = max(1, round((last - first).days / (count - 1)))
        return self.env._("usually every %(usual)s days, silent for %(silent)s", usual=usual, silent=silent)

    @api.model
    def _worth_tile(self, value):
        """Return the lifetime value, or the revenue for users who may not see it."""
        revenue = self.env._("%(amount)s bought in 12 months", amount=self._money(value, value.revenue_12m))
        if not self.env.user.has_group(MARGIN_GROUP) or value.is_opted_out:
            field = value._fields["revenue_12m"]
            before = self.env._("%(amount)s in all", amount=self._money(value, value.revenue_total))
            return self._tile(
                "revenue",
                self.env._("Revenue, last 12 months"),
                self._money(value, value.revenue_12m),
                before,
                "",
                field._description_help(self.env),
            )
        field = value._fields["clv"]
        return self._tile(
            "clv",
            self.env._("Lifetime value"),
            self._money(value, value.clv),
            revenue,
            "danger" if value.clv < 0 else "",
            field._description_help(self.env),
        )

    @api.model
    def _next_purchase_tile(self, value):
        """Return when the customer is expected to buy again, and how much."""
        if not value.purchase_count or value.is_opted_out:
            return None
        field, expected = value._fields["next_purchase_date"], value.next_purchase_date
        if not expected:
            return self._tile(
                "next_purchase",
                self.env._("Next purchase"),
                self.env._("Not known"),
                self.env._("too few purchases to tell a rhythm"),
                "",
                field._description_help(self.env),
            )
        is_overdue = expected < value.company_id._value_today()
        detail = self.env._("was expected by then") if is_overdue else ""
        if value.expected_spend > 0:
            amount = self.env._("about %(amount)s", amount=self._money(value, value.expected_spend))
            detail = ", ".join(filter(None, (detail, amount)))
        return self._tile(
            "next_purchase",
            self.env._("Next purchase"),
            self._day(expected),
            detail,
            "warning" if is_overdue else "",
            field._description_help(self.env),
        )

    @api.model
    def _next_tier_tile(self, explained):
        """Return what is missing for the next tier."""
        step = next((step for step in explained["steps"] if step["kind"] == "next"), None) if explained else None
        if not step or step["is_met"] or step["is_admitted"] is False:
            return None
        missing = [criterion for criterion in step["criteria"] if not criterion["passed"]]
        if not missing:
            return None
        if step["match"] == "any":  # one of them is enough: the nearest
            missing = [max(missing, key=lambda criterion: criterion["share"])]
        first, label = missing[0], self.env._("To %(tier)s", tier=step["tier"].name)
        detail = first["label"]
        if len(missing) > 1:
            detail = self.env._("%(figure)s, and %(count)s more", figure=detail, count=len(missing) - 1)
        return self._tile("next_tier", label, first["missing"] or self.env._("Not reached yet"), detail) | {
            "share": first["share"]
        }

    # what to do

    @api.model
    def _contact(self, partner):
        """Return whom to call: the customer, else the first of its contacts with a number."""
        contacts = partner | partner.child_ids.filtered(lambda child: child.type == "contact")
        phone = next((contact for contact in contacts if contact.phone), partner)
        email = next((contact for contact in contacts if contact.email), partner)
        return {
            "partner_id": partner.id,
            "name": phone.name or partner.name or "",
            "phone": phone.phone or "",
            "email": email.email_normalized or "",
            "may_sell": self.env["sale.order"].has_access("create"),
        }

    @api.model
    def _followups(self, values):
        """Return the open follow-ups of customers, one for each activity: value id → list of dicts."""
        followups = self.env["crm.value.followup"].search(
            [("value_id", "in", values.ids), ("state", "=", "open"), ("group", "=", "treated")], order="deadline, id"
        )
        rows, seen = {}, set()
        for followup in followups:
            activity, today = followup.activity_id, followup.company_id._value_today()
            if activity.id in seen:
                continue
            seen.add(activity.id)
            readable = activity.has_access("read")
            note = activity.note if readable else followup.note
            rows.setdefault(followup.value_id.id, []).append(
                {
                    "id": followup.id,
                    "activity_id": activity.id if activity and activity.has_access("write") else False,
                    "summary": (readable and activity.summary) or followup.summary or followup.rule_id.name,
                    "note": html2plaintext(note or "").strip(),
                    "deadline": self._day(followup.deadline),
                    "is_late": bool(followup.deadline and followup.deadline < today),
                    "user": followup.user_id.name or "",
                }
            )
        return rows

    @api.model
    def _question(self, value):
        """Return the id of the question why the customer leaves, while nobody has answered it."""
        asked = [("partner_id", "=", value.partner_id.id), ("company_id", "=", value.company_id.id)]
        return self.env["crm.value.departure"].search([*asked, ("reason_id", "=", False)], limit=1).id

    # the past

    @api.model
    def _chart(self, value):
        """Return what the customer bought in each month, its worth at each month's end, and its tier changes."""
        today = value.company_id._value_today()
        first = today.replace(day=1) - relativedelta(months=MONTHS - 1)
        months = [first + relativedelta(months=number) for number in range(MONTHS)]
        place = {month: number for number, month in enumerate(months)}
        bought, counts = [0.0] * MONTHS, [0] * MONTHS
        days = self.env["crm.value.purchase"].search_fetch(
            [("partner_id", "=", value.partner_id.id), ("company_id", "=", value.company_id.id), ("date", ">=", first)],
            ["date", "revenue", "is_purchase"],
        )
        for day in days:
            number = place.get(day.date.replace(day=1))
            if number is not None:
                bought[number] += day.revenue
                counts[number] += day.is_purchase
        sees_worth = self.env.user.has_group(MARGIN_GROUP)
        worth_name = "clv" if sees_worth else "revenue_12m"
        worth, reconstructed = [None] * MONTHS, [None] * MONTHS
        month_ends = self.env["crm.value.snapshot"].search_fetch(
            [("value_id", "=", value.id), ("as_of_date", ">=", first)],
            ["as_of_date", "is_reconstructed", "tier_id", worth_name],
            order="as_of_date",
        )
        for month_end in month_ends:
            number = place.get(month_end._month_end(month_end.as_of_date).replace(day=1))
            if number is not None:
                # Revenue is what documents say; a value that was reconstructed is none that was estimated that day.
                series = reconstructed if month_end.is_reconstructed and sees_worth else worth
                series[number] = month_end[worth_name]
        worth[-1] = value[worth_name]
        moves = self._moves(value, month_ends.filtered("is_reconstructed"), place)
        if not any(bought) and not moves and not any(worth) and not any(reconstructed):
            return False
        return {
            "labels": [format_date(self.env, month, date_format="MMM yy") for month in months],
            "bought": bought,
            "counts": counts,
            "worth": worth,
            "reconstructed": reconstructed if any(amount is not None for amount in reconstructed) else False,
            "worth_label": value._fields[worth_name]._description_string(self.env),
            "moves": moves,
            "currency_id": value.currency_id.id,
        }

    @api.model
    def _moves(self, value, reconstructed, place):
        """Return the tier changes: those between reconstructed month ends, then what the log says.

        The first assignment only goes on from where the reconstruction ends.
        """
        steps = [
            (after.as_of_date, before.tier_id, after.tier_id) for before, after in itertools.pairwise(reconstructed)
        ]
        for change in value.tier_change_ids.sorted(lambda change: (change.date, change.id)):
            before = reconstructed[-1:].tier_id if change.source == "initial" else change.from_tier_id
            steps.append((change.date, before, change.to_tier_id))
        return [
            self._move(place, day, before, after)
            for day, before, after in steps
            if day.replace(day=1) in place and before != after
        ]

    @api.model
    def _move(self, place, day, before, after):
        none = self.env._("No tier")
        return {
            "month": place[day.replace(day=1)],
            "text": self.env._(
                "%(date)s: %(before)s → %(after)s",
                date=self._day(day),
                before=before.name or none,
                after=after.name or none,
            ),
            "is_up": after.sequence > before.sequence if before and after else bool(after),
        }

    # words

    @api.model
    def _day(self, day):
        return format_date(self.env, day) if day else ""

    @api.model
    def _money(self, value, amount):
        """Return an amount as text, without decimals where they tell nothing."""
        is_whole = abs(amount) >= _WHOLE_FROM and value.currency_id.decimal_places > 0
        return format_amount(
            self.env, round(amount) if is_whole else amount, value.currency_id, trailing_zeroes=not is_whole
        )

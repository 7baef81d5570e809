from datetime import date, timedelta

from odoo import api, models
from odoo.tools import SQL

from ...const import CATCH_UP_DAYS
from .anniversary import anniversary
from .benefit_types import OCCASIONS


class CrmValueGiftCalendar(models.AbstractModel):
    """Which gifts are due: for reaching a tier, and on the days that recur each year.

    How to use: `crm.value.tier.change` calls `_on_tier_changes`, the cron `_give_due` for each company.

    How it works: `crm.value.grant` remembers every gift. Therefore the cron looks back a few days each time, and gives
    what could not be given on its day.
    """

    _name = "crm.value.gift.calendar"
    _description = "Gifts: Calendar"

    @api.model
    def _on_tier_changes(self, changes):
        """Give the gifts of tier changes that were just logged (see `crm.value.tier.change`)."""
        self._give_for_changes(changes)

    @api.model
    def _give_for_changes(self, changes):
        """Give what customers get for reaching a tier, once in their lives; an error does not stop the refresh.

        :return: the new gifts
        """
        wishes, paused = [], self.env["crm.value.benefit.state"]._paused(changes.value_id)
        for change in changes:
            value, tier = change.value_id, change.to_tier_id
            if change.is_silent or change.direction != "up" or value.tier_id != tier or value in paused:
                continue
            # a profile that is complete already earns the gift of the new tier
            is_activated = bool(value.partner_id.value_profile_completed_on)
            for occasion in ("reach", "activated") if is_activated else ("reach",):
                wishes += [
                    (benefit, value, occasion, change.date, value.browse())
                    for benefit in self._gifts_for(tier, value.company_id, change.date, occasion)
                ]
        return self.env["crm.value.grant"]._claim_safely(wishes)

    @api.model
    def _give_for_activation(self, value):
        """Give what a customer gets for completing its profile, once in its life.

        :return: the new gifts
        """
        today = value.company_id._value_today()
        if not value.tier_id or today < (value.company_id.value_gifts_from or date.min):
            return self.env["crm.value.grant"]
        return self.env["crm.value.grant"]._claim_safely(
            [
                (benefit, value, "activated", today, value.browse())
                for benefit in self._due_for(value, value.tier_id, today, "activated")
            ]
        )

    @api.model
    def _give_due(self, company):
        """Give a company's dated gifts of the last days, and those for tiers that could not be given at once.

        :return: the new gifts
        """
        today = company._value_today()
        since = max(today - timedelta(days=CATCH_UP_DAYS - 1), company.value_gifts_from or date.min)
        changes = self.env["crm.value.tier.change"].search(
            [
                ("value_id.company_id", "=", company.id),
                ("date", ">=", since),
                ("is_silent", "=", False),
                ("to_tier_id.benefit_ids.benefit_type", "=", "gift"),
            ]
        )
        self.env.flush_all()
        due = self.env.execute_query(self._query_dated(company, since, today))
        values = self.env["crm.value"].browse({value_id for _benefit_id, value_id, _day in due})
        paused, wishes = self.env["crm.value.benefit.state"]._paused(values), []
        for benefit_id, value_id, day in due:
            benefit, value = self.env["crm.value.benefit"].browse(benefit_id), self.env["crm.value"].browse(value_id)
            if value not in paused:
                wishes.append((benefit, value, f"{benefit.occasion} {day.year}", day, value.browse()))
        given = self._give_for_changes(changes) + self.env["crm.value.grant"]._claim(wishes)
        return given + self.env["crm.value.draw"]._draw_due(company)

    @api.model
    def _gifts_for(self, tier, company, day, occasion):
        """Return the benefits of a tier that are gifts for an occasion, in a company on a day."""
        return tier.benefit_ids.filtered(
            lambda benefit: (
                benefit.active
                and benefit.benefit_type == "gift"
                and benefit.occasion == occasion
                and benefit.company_id <= company.parent_ids
                and benefit.program_id.active
                and (benefit.date_from or day) <= day <= (benefit.date_to or day)
            )
        )

    @api.model
    def _due_for(self, value, tier, day, occasion):
        """Return the benefits that a customer would get as gifts for an occasion of once, with a tier on a day."""
        if self.env["crm.value.benefit.state"]._paused(value):
            return self.env["crm.value.benefit"]
        gifts = self._gifts_for(tier, value.company_id, day, occasion)
        Grant = self.env["crm.value.grant"]
        key_of = {gift: Grant._memory_key(value.id, gift.id, occasion) for gift in gifts}
        had = set(Grant.search([("memory_key", "in", list(key_of.values()))]).mapped("memory_key"))
        return gifts.filtered(lambda gift: key_of[gift] not in had)

    @api.model
    def _query_dated(self, company, since, today):
        """Return the SELECT of (benefit id, value id, day) of the recurring days between two days.

        The customer must have had the tier on the day, not only by a reconstruction of what was before the addon.
        """
        rows = [row for row in OCCASIONS.values() if row.yearly_day]
        origin = SQL(" ").join(SQL("WHEN %s THEN %s", row.code, row.yearly_day) for row in rows)
        first = SQL(" ").join(SQL("WHEN %s THEN %s", row.code, row.counts_from) for row in rows if row.counts_from)
        return SQL(
            """
            SELECT benefit.id, value.id, due.day
              FROM crm_value value
              JOIN res_partner partner ON partner.id = value.partner_id AND partner.active
              JOIN crm_value_tier tier ON tier.id = value.tier_id AND tier.active
              JOIN crm_value_benefit benefit ON benefit.tier_id = tier.id AND benefit.active
                   AND benefit.benefit_type = 'gift'
                   AND (benefit.company_id IS NULL OR benefit.company_id = ANY(%(lineage)s))
              JOIN loyalty_program program ON program.id = benefit.program_id AND program.active
              LEFT JOIN crm_value_holiday holiday ON holiday.id = benefit.holiday_id AND holiday.active
                   AND (holiday.country_id IS NULL OR holiday.country_id = partner.country_id)
              JOIN LATERAL (SELECT CASE benefit.occasion %(origin)s END AS day) origin ON TRUE
              JOIN generate_series(%(first_year)s, %(last_year)s) year ON %(recurs)s
              JOIN LATERAL (SELECT %(anniversary)s AS day) due ON due.day BETWEEN %(since)s AND %(today)s
             WHERE value.company_id = %(company)s
               AND due.day BETWEEN COALESCE(benefit.date_from, due.day) AND COALESCE(benefit.date_to, due.day)
               AND COALESCE(value.tier_since, due.day) <= due.day
               AND NOT EXISTS (SELECT FROM crm_value_tier_change change
                                WHERE change.value_id = value.id AND change.to_tier_id = value.tier_id
                                  AND change.source = 'initial' AND change.date > due.day)
               AND due.day >= COALESCE(CASE benefit.occasion %(first)s END, due.day)
               AND NOT EXISTS (SELECT FROM crm_value_grant gift
                                WHERE gift.benefit_id = benefit.id AND gift.value_id = value.id
                                  AND gift.occasion = benefit.occasion || ' ' || year)
             ORDER BY value.id, benefit.id
            """,
            company=company.id,
            lineage=company.parent_ids.ids,
            since=since,
            today=today,
            first_year=since.year,
            last_year=today.year,
            origin=origin,
            first=first,
            # a birthday begins with the second year, a holiday with the first
            recurs=SQL(
                """CASE WHEN benefit.occasion != 'holiday' THEN year > extract(year FROM origin.day)
                        WHEN holiday.is_yearly THEN year >= extract(year FROM origin.day)
                        ELSE year = extract(year FROM origin.day) END"""
            ),
            anniversary=anniversary(SQL("origin.day"), SQL("year - extract(year FROM origin.day)::int")),
        )

import secrets
from datetime import date, timedelta

from odoo import api, fields, models

from ...lib.lottery import draw_lots


class CrmValueDraw(models.Model):
    """A draw by lot among the customers of a tier, once a quarter for each benefit whose occasion it is.

    How to use: the cron of the gifts calls `_draw_due`.

    How it works: on the first days of a quarter, the customers take part who had the tier on the last day of the one
    before, and whose benefits do not pause. Seed and participants are kept, so that anybody can draw again and find the
    same winners (`action_check`). One draw for each benefit, company and quarter: nobody draws until they like it.
    """

    _name = "crm.value.draw"
    _description = "Draw by Lot"
    _order = "date desc, id desc"
    _rec_name = "period"

    benefit_id = fields.Many2one("crm.value.benefit", required=True, ondelete="restrict", index=True, readonly=True)
    tier_id = fields.Many2one(related="benefit_id.tier_id")
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", index=True, readonly=True)
    period = fields.Char(string="Quarter", required=True, readonly=True)
    date = fields.Date(string="Last Day", required=True, readonly=True)
    seed = fields.Char(required=True, readonly=True)
    participants = fields.Json(readonly=True, help="The ids of the customer values that took part")
    participant_count = fields.Integer(readonly=True)
    winner_count = fields.Integer(readonly=True, help="How many won; fewer than planned where fewer took part")
    grant_ids = fields.One2many("crm.value.grant", "draw_id", string="Winners", readonly=True)

    _once = models.UniqueIndex("(benefit_id, company_id, period)", "A quarter has one draw.")

    @api.model
    def _quarter(self, day):
        """Return the name of the quarter before the one that a day lies in, and its last day."""
        last = date(day.year, day.month - (day.month - 1) % 3, 1) - timedelta(days=1)
        return f"{last.year}-Q{(last.month + 2) // 3}", last

    @api.model
    def _draw_due(self, company):
        """Draw what was not drawn yet for the last quarter of a company.

        :return: the new gifts
        """
        period, last = self._quarter(company._value_today())
        gifts = self.env["crm.value.grant"]
        if company._value_is_early(last):
            return gifts
        benefits = self.env["crm.value.benefit"].search(
            [("benefit_type", "=", "gift"), ("occasion", "=", "drawn"), ("tier_id.active", "=", True)]
        )
        done = self.search([("company_id", "=", company.id), ("period", "=", period)]).benefit_id
        for benefit in benefits - done:
            calendar = self.env["crm.value.gift.calendar"]
            # a benefit that was made since then draws for the first time at the end of this quarter
            is_older = benefit.create_date.date() <= last
            if is_older and benefit in calendar._gifts_for(benefit.tier_id, company, last, "drawn"):
                gifts += self._draw(benefit, company, period, last)
        return gifts

    @api.model
    def _draw(self, benefit, company, period, last):
        values = self.env["crm.value"].search(
            [
                ("company_id", "=", company.id),
                ("tier_id", "=", benefit.tier_id.id),
                ("partner_id.active", "=", True),
                "|",
                ("tier_since", "=", False),
                ("tier_since", "<=", last),
            ],
            order="id",
        )
        values -= self.env["crm.value.benefit.state"]._paused(values)
        seed = secrets.token_hex(16)
        winners = draw_lots(seed, values.ids, benefit.draw_winners)
        draw = self.create(
            {
                "benefit_id": benefit.id,
                "company_id": company.id,
                "period": period,
                "date": last,
                "seed": seed,
                "participants": values.ids,
                "participant_count": len(values),
                "winner_count": len(winners),
            }
        )
        Value = self.env["crm.value"]
        gifts = self.env["crm.value.grant"]._claim(
            [(benefit, Value.browse(winner), f"drawn {period}", last, Value.browse()) for winner in winners]
        )
        gifts.draw_id = draw
        return gifts

    def _is_as_drawn(self):
        """Tell whether the seed still names those who got the gifts; a winner who is gone is not missed."""
        self.ensure_one()
        winners = draw_lots(self.seed, self.participants or [], self.winner_count)
        # sudo: a winner may be a customer whom the user does not see
        return set(self.sudo().grant_ids.value_id.ids) <= set(winners)

    def action_check(self):
        """Draw again with the seed that was kept, and tell whether the same customers win.

        :raise AccessError: the user may not read this draw
        """
        self.ensure_one()
        self.check_access("read")
        if self._is_as_drawn():
            text = self.env._(
                "Drawn again: the same %(winners)s of %(participants)s customers win.",
                winners=self.winner_count,
                participants=self.participant_count,
            )
            return self.env["crm.value"]._notification(text, "success")
        return self.env["crm.value"]._notification(
            self.env._("Drawn again, other customers win: gifts were handed to another customer since then."), "warning"
        )

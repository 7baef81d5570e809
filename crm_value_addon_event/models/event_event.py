from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_datetime


class EventEvent(models.Model):
    """An event that customers of a tier can register for before all others, or alone; and what it costs."""

    _inherit = "event.event"

    value_tier_id = fields.Many2one(
        "crm.value.tier",
        string="First for Tier",
        ondelete="set null",
        groups="event.group_event_user",
        help="Customers with this tier, or a higher one, register first on the website",
    )
    value_first_until = fields.Datetime(
        string="Open to All From",
        groups="event.group_event_user",
        help="Empty: the event is for the tier alone. Employees register anybody at any time.",
    )
    value_cost = fields.Monetary(
        string="Cost of the Event",
        groups="event.group_event_user",
        help="Shared by the customers by guests: a cost of winning those without a purchase, of keeping the others",
    )

    @api.constrains("value_cost", "company_id")
    def _check_value_cost(self):
        for event in self.sudo():  # sudo: events are written by users who may not see what they cost, too
            if event.value_cost < 0:
                raise ValidationError(self.env._("The cost of an event is not negative."))
            if event.value_cost and not event.company_id:
                raise ValidationError(
                    self.env._("%(event)s: its cost needs a company that bears it.", event=event.name)
                )

    @api.depends("value_tier_id", "value_first_until")
    @api.depends_context("uid", "company")
    def _compute_start_sale_date(self):
        result = super()._compute_start_sale_date()
        for event in self._closed_to_user().filtered(lambda event: event.sudo().value_first_until):
            first_until = event.sudo().value_first_until  # sudo: the website tells everybody when it opens
            event.start_sale_datetime = max(event.start_sale_datetime or first_until, first_until)
        return result

    @api.depends_context("uid", "company")
    def _compute_event_registrations_started(self):
        return super()._compute_event_registrations_started()

    @api.depends("value_tier_id", "value_first_until")
    @api.depends_context("uid", "company")
    def _compute_event_registrations_open(self):
        result = super()._compute_event_registrations_open()
        self._closed_to_user().event_registrations_open = False
        return result

    def _closed_to_user(self):
        """Return those of these events that the user, a customer or a visitor, cannot register for now."""
        if self.env.user._is_internal():
            return self.browse()
        now = fields.Datetime.now()
        # sudo: customers have no rights on tiers; whether an event is open to them is theirs to know
        return self.filtered(
            lambda event: (
                (tier := event.sudo().value_tier_id)
                and not ((until := event.sudo().value_first_until) and until <= now)
                and not event._has_user_tier(tier)
            )
        )

    def _has_user_tier(self, tier):
        """Tell whether the user belongs to a customer that has a tier, or a higher one, with the event's company."""
        company = self.company_id or self.env.company
        customer = self.env.user.partner_id.commercial_partner_id
        value = (
            self.env["crm.value"]
            .sudo()  # sudo: as above
            .search([("partner_id", "=", customer.id), ("company_id", "=", company.id)], limit=1)
        )
        own = value.tier_id
        return bool(own) and (own.sequence, own.id) >= (tier.sequence, tier.id)

    def _check_open_to_user(self):
        """Refuse a registration by a customer that has to wait for others, whatever page it comes from.

        :raise ValidationError: the event is for a tier, alone or first
        """
        for event in self._closed_to_user():
            until = event.sudo().value_first_until
            if until:
                raise ValidationError(
                    self.env._(
                        "You can register for %(event)s from %(date)s on.",
                        event=event.name,
                        date=format_datetime(self.env, until, tz=event.date_tz),
                    )
                )
            raise ValidationError(self.env._("%(event)s is for invited customers.", event=event.name))

    @api.model
    def _value_withdraw(self):
        """Take the events that are for a tier now from the website: without tiers they would be open to everybody."""
        now = fields.Datetime.now()
        events = self.search([("value_tier_id", "!=", False), ("date_end", ">", now)])
        if "is_published" in events:
            events.filtered(lambda event: not (event.value_first_until and event.value_first_until <= now)).write(
                {"is_published": False}
            )

    def _verify_seats_availability(self, slot_tickets):
        # asked by every page before it registers anybody
        self._check_open_to_user()
        return super()._verify_seats_availability(slot_tickets)

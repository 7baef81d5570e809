from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...const import SELLER_GROUP
from .earning_events import EVENTS

_MOST_POINTS = 1_000_000


class CrmValueEarning(models.Model):
    """A way to earn points for something other than an order.

    How to use: `crm.value.earning.due` finds who did it, the cron of the gifts gives the points.

    How it works: what is known of an event is a row in `earning_events.py`. The points go to the customer's card of a
    loyalty program of Odoo, and `crm.value.grant` remembers each occasion, so that nothing is paid twice.
    """

    _name = "crm.value.earning"
    _description = "Way to Earn Points"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True, help="What customers read, such as: Write a review")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True, ondelete="cascade"
    )
    event = fields.Selection([(row.code, row.label) for row in EVENTS.values()], required=True, default="profile")
    holiday_id = fields.Many2one(
        "crm.value.holiday", string="Date", ondelete="restrict", help="A holiday, or any other day of each year"
    )
    program_id = fields.Many2one(
        "loyalty.program",
        required=True,
        ondelete="restrict",
        domain="[('program_type', '=', 'loyalty'), '|', ('company_id', '=', False),"
        " ('company_id', 'parent_of', company_id)]",
        help="The points go to the customer's card of this program",
    )
    points = fields.Float(required=True, default=10.0)
    tier_ids = fields.Many2many("crm.value.tier", string="Only for Tiers", help="Empty: for all customers")
    most_count = fields.Integer(string="At Most", help="Times a customer gets these points; 0: any number")
    most_period = fields.Selection(
        [("month", "in a month"), ("quarter", "in a quarter"), ("year", "in a year"), ("ever", "ever")],
        string="Within",
        default="month",
        required=True,
    )
    date_from = fields.Date(
        string="From",
        required=True,
        default=fields.Date.context_today,
        help="What was done before this day brings nothing",
    )
    date_to = fields.Date(string="To", help="Last day; empty: for good")
    mail_template_id = fields.Many2one(
        "mail.template",
        string="E-mail",
        ondelete="set null",
        domain="[('model', '=', 'crm.value.grant')]",
        help="Sent with the points. Empty: the loyalty page alone tells of them.",
    )
    grant_count = fields.Integer(string="Given", compute="_compute_grant_count", groups=SELLER_GROUP)

    _dates_ordered = models.Constraint(
        "CHECK(date_from <= date_to)", "A way to earn points cannot end before it begins."
    )
    _most_count_positive = models.Constraint("CHECK(most_count >= 0)", "Points are given 0 (any number) times or more.")

    @api.model
    def _events(self):
        """Hook: the table of events by code; another module adds its rows."""
        return EVENTS

    def _event(self):
        """Return the row of the rule's event."""
        self.ensure_one()
        return self._events()[self.event]

    def _compute_grant_count(self):
        # sudo: gifts in companies that the user does not see keep a rule from being deleted, too
        Grant = self.env["crm.value.grant"].sudo()
        counts = dict(Grant._read_group([("earning_id", "in", self.ids)], ["earning_id"], ["__count"]))
        for rule in self:
            rule.grant_count = counts.get(rule, 0)

    @api.onchange("event")
    def _onchange_event(self):
        if not self.name:
            self.name = dict(self._fields["event"]._description_selection(self.env)).get(self.event)

    @api.constrains("event", "holiday_id", "points")
    def _check_event(self):
        for rule in self:
            needed = rule._event().needs
            if needed and needed not in self.env:
                raise ValidationError(
                    self.env._(
                        "%(rule)s: nobody can earn points by this, because the app behind it is not installed.",
                        rule=rule.name,
                    )
                )
            if rule.event == "holiday" and not rule.holiday_id:
                raise ValidationError(self.env._("%(rule)s needs a date.", rule=rule.name))
            if not 0 < rule.points <= _MOST_POINTS:
                raise ValidationError(
                    self.env._(
                        "%(rule)s: points lie above 0 and up to %(most)s.", rule=rule.name, most=f"{_MOST_POINTS:,}"
                    )
                )

    @api.constrains("program_id", "company_id", "tier_ids")
    def _check_program(self):
        for rule in self:
            # sudo: whoever sets up the club need not have rights on programs
            program, companies = rule.program_id.sudo(), rule.company_id.sudo().parent_ids
            if program.program_type != "loyalty":
                raise ValidationError(
                    self.env._("%(rule)s: choose a program of loyalty cards.", rule=rule.name),
                )
            if not (program.company_id | rule.tier_ids.sudo().company_id) <= companies:
                raise ValidationError(
                    self.env._("%(rule)s: the program, or a tier, belongs to another company.", rule=rule.name)
                )

    @api.model
    def _in_use(self, company, day):
        """Return the ways to earn points in a company on a day."""
        return self.search(
            [
                ("company_id", "=", company.id),
                ("date_from", "<=", day),
                "|",
                ("date_to", "=", False),
                ("date_to", ">=", day),
                ("program_id.active", "=", True),
            ]
        )

    def _period(self, day):
        """Return in which period of its limit a day lies, as something to compare."""
        self.ensure_one()
        return {
            "month": (day.year, day.month),
            "quarter": (day.year, (day.month - 1) // 3),
            "year": day.year,
            "ever": 0,
        }[self.most_period]

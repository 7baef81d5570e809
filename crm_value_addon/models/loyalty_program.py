from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import ormcache

from .privacy.field_access import denies

#: fields whose values are kept in the registry's cache
_CACHED = {
    *("value_points_follow", "value_expiry", "program_type"),
    *("value_is_exclusive", "value_most_per_order", "value_most_per_customer"),
}


class LoyaltyProgram(models.Model):
    """Says whether points follow the money, and when they lapse (`crm.value.points`)."""

    _inherit = "loyalty.program"

    value_points_follow = fields.Selection(
        [
            ("order", "When the order is confirmed"),
            ("returned", "... less what is credited"),
            ("paid", "... as far as it is paid"),
        ],
        string="Points Are Given",
        default="returned",
        required=True,
        help="Less what is credited: a credit note takes back the points of its goods. As far as it is paid: points "
        "are held until the invoice is paid. Holds for orders confirmed from now on.",
    )
    value_points_since = fields.Datetime(
        string="Points Follow since", readonly=True, copy=False, default=fields.Datetime.now
    )
    value_expiry = fields.Selection(
        [("never", "Never"), ("silence", "After a time without an order"), ("year", "At the year's end")],
        string="Points Lapse",
        default="never",
        required=True,
    )
    value_expiry_months = fields.Integer(string="Months without an Order", default=12)
    value_expiry_notice_days = fields.Integer(
        string="Told Before (days)",
        default=30,
        help="So long before points lapse, the customer reads it on its page and in a mail, if the settings name one. "
        "Nothing lapses sooner after the rule was set.",
    )
    value_is_exclusive = fields.Boolean(
        string="Not Together with Others", help="No reward of another program on the same order, but for payments"
    )
    value_most_per_order = fields.Integer(string="At Most per Order", help="0: any number")
    value_most_per_customer = fields.Integer(string="At Most per Customer", help="Orders with a reward; 0: any number")
    value_period = fields.Selection(
        [("month", "in a month"), ("year", "in a year"), ("ever", "ever")],
        string="Within",
        default="year",
        required=True,
    )
    value_expiry_since = fields.Date(string="Points Lapse by This Rule since", readonly=True, copy=False)

    @api.constrains("value_most_per_order", "value_most_per_customer")
    def _check_limits(self):
        if any(program.value_most_per_order < 0 or program.value_most_per_customer < 0 for program in self):
            raise ValidationError(self.env._("A program is given at most 0 (any number) times or more."))

    @api.constrains("value_expiry_months", "value_expiry_notice_days")
    def _check_expiry(self):
        for program in self:
            if not 1 <= program.value_expiry_months <= 1200 or not 0 <= program.value_expiry_notice_days <= 365:
                raise ValidationError(
                    self.env._(
                        "%(program)s: points lapse after between 1 and 1,200 months, told at most 365 days before.",
                        program=program.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        programs = super().create(vals_list)
        programs.filtered(lambda program: program.value_expiry != "never")._start_expiry()
        self.env.registry.clear_cache()
        return programs

    def write(self, vals):
        follow = vals.get("value_points_follow", "order")
        newly_following = self.filtered(lambda program: program.value_points_follow == "order" and follow != "order")
        changed = self.filtered(lambda program: "value_expiry" in vals and program.value_expiry != vals["value_expiry"])
        result = super().write(vals)
        if newly_following:
            # what was given until now, this transaction included, stays
            since = self.env.cr.now() + timedelta(seconds=1)
            # sudo: nobody writes the day from which on points follow
            super(LoyaltyProgram, newly_following.sudo()).write({"value_points_since": since})
        changed._start_expiry()
        if not _CACHED.isdisjoint(vals):
            self.env.registry.clear_cache()
        return result

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    def _start_expiry(self):
        for program in self:
            today = (program.company_id or self.env.company)._value_today()
            # sudo: nobody writes the day from which on points lapse
            super(LoyaltyProgram, program.sudo()).write(  # pylint: disable=super-method-mismatch
                {"value_expiry_since": today}
            )

    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and not denies(self, field, operation)

    @api.model
    @ormcache("kinds")
    def _followed_ids(self, kinds):
        """Return the ids of the loyalty programs whose points follow the money.

        :param tuple kinds: values of `value_points_follow`
        """
        # sudo: it decides the same for everybody
        programs = self.sudo().with_context(active_test=False)
        return tuple(programs.search([("program_type", "=", "loyalty"), ("value_points_follow", "in", kinds)]).ids)

    @api.model
    @ormcache()
    def _expiring_ids(self):
        """Return the ids of the loyalty programs whose points lapse."""
        # sudo: as in `_followed_ids`
        programs = self.sudo().with_context(active_test=False)
        return tuple(programs.search([("program_type", "=", "loyalty"), ("value_expiry", "!=", "never")]).ids)

    @api.model
    @ormcache()
    def _limits(self):
        """Return the programs with a limit: id → (whether it holds alone, at most per order, per customer)."""
        # sudo: as in `_followed_ids`
        programs = (
            self.sudo()
            .with_context(active_test=False)
            .search(
                [
                    "|",
                    ("value_is_exclusive", "=", True),
                    "|",
                    ("value_most_per_order", ">", 0),
                    ("value_most_per_customer", ">", 0),
                ]
            )
        )
        return {
            program.id: (program.value_is_exclusive, program.value_most_per_order, program.value_most_per_customer)
            for program in programs
        }

    def _point_worth(self):
        """Return what a point is worth in money, by the most generous reward that gives an amount; 0 without one."""
        self.ensure_one()
        worths = [0.0]
        for reward in self.reward_ids:
            points = reward.required_points or 1.0
            if reward.reward_type == "product":
                product = reward.reward_product_ids[:1]
                price = product.currency_id._convert(product.lst_price, self.currency_id, round=False)
                worths.append(price * reward.reward_product_qty / points)
            elif reward.reward_type == "discount" and reward.discount_mode == "per_point":
                worths.append(reward.discount)
            elif reward.reward_type == "discount" and reward.discount_mode == "per_order":
                worths.append(reward.discount / points)
        return max(worths)

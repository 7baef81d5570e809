from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class CrmValueTierLock(models.Model):
    """A tier fixed by hand: people's words stay out of the machine's row. Locks are ended, never deleted."""

    _name = "crm.value.tier.lock"
    _description = "Tier Lock"
    _order = "active desc, id desc"
    _rec_name = "value_id"

    value_id = fields.Many2one("crm.value", string="Customer", required=True, ondelete="cascade", index=True)
    partner_id = fields.Many2one(related="value_id.partner_id", string="Contact")
    company_id = fields.Many2one(related="value_id.company_id")
    tier_id = fields.Many2one(
        "crm.value.tier", required=True, ondelete="cascade", index=True,
        domain="['|', ('company_id', '=', False), ('company_id', '=', company_id)]")
    reason = fields.Char(required=True)
    until = fields.Date(help="The last day; empty: until somebody ends it")
    user_id = fields.Many2one(
        "res.users", string="Locked by", default=lambda self: self.env.user, readonly=True, ondelete="set null")
    active = fields.Boolean(default=True, readonly=True)
    ended_by_id = fields.Many2one("res.users", string="Ended by", readonly=True, ondelete="set null")
    ended_at = fields.Datetime(string="Ended on", readonly=True)

    _value_uniq = models.UniqueIndex("(value_id) WHERE active", "A customer's tier is locked once.")

    @api.constrains("value_id", "tier_id")
    def _check_tier(self):
        for lock in self:
            if not lock.tier_id.active or lock.tier_id.company_id not in (
                    self.env["res.company"], lock.value_id.company_id):
                raise ValidationError(self.env._(
                    "%(tier)s is no tier in use in %(company)s.",
                    tier=lock.tier_id.name, company=lock.value_id.company_id.name))

    @api.constrains("until")
    def _check_until(self):
        for lock in self:
            if lock.active and lock.until and lock.until < lock.value_id.company_id._value_today():
                raise ValidationError(self.env._("A lock cannot end in the past (%(date)s).", date=lock.until))

    @api.model_create_multi
    def create(self, vals_list):
        """Lock tiers at once; an earlier lock of the same customer ends."""
        for vals in vals_list:
            # who, when and whether it is in force are facts
            for name in ("user_id", "active", "ended_by_id", "ended_at"):
                vals.pop(name, None)
            self.search([("value_id", "=", vals.get("value_id"))])._replace()
        locks = super().create(vals_list)
        locks._decide()
        return locks

    def write(self, vals):
        """Change the last day, or end the locks by archiving them.

        :raise UserError: anything else is to be changed: who locked a tier, and why, stays known
        """
        if vals == {"active": False}:
            vals = vals | {"ended_by_id": self.env.uid, "ended_at": fields.Datetime.now()}
        elif not vals.keys() <= {"until"}:
            raise UserError(self.env._("A lock is kept as it was made. End it, and lock the tier again."))
        result = super().write(vals)
        self.flush_recordset()
        if not self.env.context.get("value_tier_decided_later"):
            self._decide()
        return result

    def action_end(self):
        """End these locks: the rules decide again.

        :raise AccessError: the user may not lock tiers
        """
        self.filtered("active").active = False

    def _replace(self):
        """End these locks for the sake of another one: the tiers are decided when that is there."""
        self.with_context(value_tier_decided_later=True).active = False

    def _decide(self):
        """Decide the tiers of these customers now, or by the cron when a refresh is under way."""
        for locks in self.grouped("company_id").values():
            self.env["crm.value.tier.assignment"]._assign_or_enqueue(locks.value_id, "lock")

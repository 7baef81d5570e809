from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date


class CrmValueTierLock(models.Model):
    """A tier set manually, apart from the row that the refresh writes. Locks are ended, never deleted."""

    _name = "crm.value.tier.lock"
    _description = "Tier Lock"
    _order = "active desc, id desc"
    _rec_name = "value_id"

    value_id = fields.Many2one("crm.value", string="Customer", required=True, ondelete="cascade", index=True)
    partner_id = fields.Many2one(related="value_id.partner_id", string="Contact")
    company_id = fields.Many2one(related="value_id.company_id")
    tier_id = fields.Many2one(
        "crm.value.tier",
        required=True,
        ondelete="cascade",
        index=True,
        domain="['|', ('company_id', '=', False), ('company_id', 'parent_of', company_id)]",
    )
    reason = fields.Char(required=True)
    until = fields.Date(help="The last day; empty: until somebody ends it")
    user_id = fields.Many2one(
        "res.users", string="Locked by", default=lambda self: self.env.user, readonly=True, ondelete="set null"
    )
    announcement = fields.Char(
        compute="_compute_announcement",
        help="What the customer gets once the lock is saved: gifts and a mail, or nothing",
    )
    active = fields.Boolean(default=True, readonly=True)
    ended_by_id = fields.Many2one("res.users", string="Ended by", readonly=True, ondelete="set null")
    ended_at = fields.Datetime(string="Ended on", readonly=True)

    _value_uniq = models.UniqueIndex("(value_id) WHERE active", "A customer's tier is locked once.")

    @api.depends("value_id", "tier_id")
    @api.depends_context("lang")
    def _compute_announcement(self):
        for lock in self:
            is_new = not lock._origin and lock.value_id and lock.tier_id
            lock.announcement = is_new and self.env["crm.value.tier.preview"]._describe_lock(
                lock.value_id._origin, lock.tier_id._origin
            )

    @api.constrains("value_id", "tier_id")
    def _check_tier(self):
        for lock in self:
            # sudo: which branches there are is the same for everybody
            if not lock.tier_id.active or not lock.tier_id.company_id <= lock.value_id.company_id.sudo().parent_ids:
                raise ValidationError(
                    self.env._(
                        "%(tier)s is not in use in %(company)s.",
                        tier=lock.tier_id.name,
                        company=lock.value_id.company_id.name,
                    )
                )

    @api.constrains("until")
    def _check_until(self):
        for lock in self:
            if lock.active and lock.until and lock.until < lock.value_id.company_id._value_today():
                until = format_date(self.env, lock.until)
                raise ValidationError(self.env._("A lock cannot end in the past (%(date)s).", date=until))

    @api.model_create_multi
    def create(self, vals_list):
        """Lock tiers at once; an earlier lock of the same customer ends."""
        for vals in vals_list:
            # the author and the end of a lock are recorded, never taken from the caller
            for name in ("user_id", "active", "ended_by_id", "ended_at"):
                vals.pop(name, None)
            self.search([("value_id", "=", vals.get("value_id"))])._end(decide=False)
        locks = super().create(vals_list)
        locks._decide()
        return locks

    def write(self, vals):
        """Change the last day, or end the locks by archiving them.

        :raise UserError: another field would change; a lock keeps its author, its tier and its reason
        """
        if vals == {"active": False}:
            return self._end()
        if not vals.keys() <= {"until"}:
            raise UserError(self.env._("A lock is kept as it was made. End it, and lock the tier again."))
        result = super().write(vals)
        self._decide()
        return result

    def action_end(self):
        """End these locks, so that the rules decide again.

        :raise AccessError: the user may not lock tiers
        """
        self.filtered("active").active = False

    def _end(self, decide=True):
        """End these locks.

        :param decide: whether the rules decide now; not where another lock follows at once
        """
        # past our own write, which calls this
        ended = {"active": False, "ended_by_id": self.env.uid, "ended_at": fields.Datetime.now()}
        result = super().write(ended)  # pylint: disable=super-method-mismatch
        # the unique index admits the next lock of a customer only after this one has ended in the database
        self.flush_recordset()
        if decide:
            self._decide()
        return result

    def _decide(self):
        """Decide the tiers of these customers now, or leave them to the cron when a refresh is under way."""
        for locks in self.grouped("company_id").values():
            self.env["crm.value.tier.assignment"]._assign_or_enqueue(locks.value_id, "lock")

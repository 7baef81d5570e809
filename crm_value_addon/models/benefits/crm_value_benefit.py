from dataclasses import dataclass
from datetime import date, timedelta

from odoo import api, fields, models, tools
from odoo.exceptions import UserError, ValidationError

#: the record (or figure) that a benefit of a type points at
TARGETS = {
    "pricelist": "pricelist_id", "payment_term": "payment_term_id", "program": "program_id", "gift": "program_id",
    "points_multiplier": "points_factor", "manager": "user_id", "note": "note",
}
#: programs whose coupons can be handed out one by one
GIFT_PROGRAM_TYPES = ("coupons", "gift_card", "next_order_coupons")
_TARGET_FIELDS = ("pricelist_id", "payment_term_id", "program_id", "user_id", "note")
#: an order has one of these, so a tier gives one of them at a time
_SINGLE_TYPES = ("pricelist", "payment_term", "points_multiplier", "manager", "priority")
_FAR_PAST, _FAR_FUTURE = date(1, 1, 1), date(9999, 12, 31)


@dataclass(frozen=True)
class Entry:
    """A benefit as plain data, for the cache of the registry: an order asks for it without a query."""

    id: int
    kind: str
    company_id: int
    target_id: int
    factor: float
    date_from: date | None
    date_to: date | None
    is_active: bool

    def holds(self, company_id, day):
        return (self.is_active and self.company_id in (False, company_id)
                and (self.date_from or day) <= day <= (self.date_to or day))


class CrmValueBenefit(models.Model):
    """What a tier gives its customers: a record of Odoo's own that a sales order then uses. Holds no prices."""

    _name = "crm.value.benefit"
    _description = "Tier Benefit"
    _order = "tier_id, sequence, id"

    tier_id = fields.Many2one("crm.value.tier", required=True, ondelete="cascade", index=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    benefit_type = fields.Selection(
        [("pricelist", "Pricelist"), ("payment_term", "Payment terms"), ("program", "Program for this tier only"),
         ("points_multiplier", "More loyalty points"), ("gift", "Gift"), ("manager", "Account manager"),
         ("priority", "Urgent delivery"), ("note", "Note for the seller")],
        string="Benefit", required=True, default="pricelist")
    company_id = fields.Many2one(
        "res.company", compute="_compute_company_id", store=True, readonly=False, precompute=True, index=True,
        ondelete="cascade", help="Empty: in all companies that have the tier")
    pricelist_id = fields.Many2one(
        "product.pricelist", ondelete="restrict", index="btree_not_null",
        domain="['|', ('company_id', '=', False), ('company_id', '=?', company_id)]")
    payment_term_id = fields.Many2one(
        "account.payment.term", string="Payment Terms", ondelete="restrict", index="btree_not_null",
        domain="['|', ('company_id', '=', False), ('company_id', '=?', company_id)]")
    program_id = fields.Many2one(
        "loyalty.program", ondelete="restrict", index="btree_not_null",
        domain="['|', ('company_id', '=', False), ('company_id', '=?', company_id)]")
    user_id = fields.Many2one(
        "res.users", string="Account Manager", ondelete="cascade", index="btree_not_null",
        domain="[('share', '=', False)]", help="Salesperson of new orders, unless the contact has its own")
    points_factor = fields.Float(
        string="Multiplier", default=2.0, digits=(16, 2), help="Applies to loyalty card programs only")
    occasion = fields.Selection(
        [("reach", "Reaching the tier"), ("birthday", "Birthday"),
         ("anniversary", "Anniversary of the first purchase")],
        default="reach")
    gift_points = fields.Float(
        string="Points on the Coupon", default=1.0, help="A gift card: its amount; a coupon: what its reward costs")
    gift_days = fields.Integer(string="Valid for (days)", help="0: no end")
    note = fields.Text(translate=True, help="Shown to the seller on the order")
    date_from = fields.Date(string="From", help="First day; empty: always")
    date_to = fields.Date(string="To", help="Last day; empty: for good")
    grant_count = fields.Integer(string="Gifts", compute="_compute_grant_count")

    _dates_ordered = models.Constraint("CHECK(date_from <= date_to)", "A benefit cannot end before it begins.")

    @api.depends("tier_id.company_id", "benefit_type", "pricelist_id", "payment_term_id", "program_id")
    def _compute_company_id(self):
        for benefit in self:
            target = benefit._target()
            of_target = target.company_id if "company_id" in getattr(target, "_fields", ()) \
                and benefit.benefit_type != "manager" else False
            benefit.company_id = benefit.tier_id.company_id or of_target or benefit.company_id

    @api.depends("benefit_type", "occasion", "points_factor", "program_id.name", "pricelist_id.name",
                 "payment_term_id.name", "user_id.name", "note")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for benefit in self:
            benefit.display_name = benefit._describe()

    def _compute_grant_count(self):
        # sudo: gifts in companies that the user does not see keep a benefit from being deleted, too.
        counts = dict(self.env["crm.value.grant"].sudo()._read_group(
            [("benefit_id", "in", self.ids)], ["benefit_id"], ["__count"]))
        for benefit in self:
            benefit.grant_count = counts.get(benefit, 0)

    def _target(self):
        """Return what the benefit points at: a record, a number or a text; False for urgent delivery."""
        self.ensure_one()
        name = TARGETS.get(self.benefit_type)
        return self[name] if name else False

    def _describe(self):
        """Return the benefit in a few words, as a seller reads it on an order."""
        self.ensure_one()
        # sudo: the name of a record that a seller may not open.
        name = self.sudo()[TARGETS[self.benefit_type]].name if self.benefit_type in TARGETS and isinstance(
            self._target(), models.BaseModel) else ""
        if self.benefit_type in TARGETS and not self._target():
            return self.env._("New benefit")
        if self.benefit_type == "pricelist":
            return self.env._("Pricelist %(name)s", name=name)
        if self.benefit_type == "payment_term":
            return self.env._("Payment terms %(name)s", name=name)
        if self.benefit_type == "points_multiplier":
            return self.env._("Loyalty points × %(factor)s", factor=f"{self.points_factor:g}")
        if self.benefit_type == "gift":
            occasions = dict(self._fields["occasion"]._description_selection(self.env))
            return self.env._(
                "%(name)s for %(occasion)s", name=name, occasion=occasions.get(self.occasion, "").lower())
        if self.benefit_type == "manager":
            return self.env._("Account manager %(name)s", name=name)
        if self.benefit_type == "priority":
            return self.env._("Urgent delivery")
        return name if self.benefit_type == "program" else self.note or ""

    # what may be saved

    @api.constrains("benefit_type", *_TARGET_FIELDS, "points_factor", "gift_points", "gift_days", "occasion")
    def _check_target(self):
        labels = dict(self._fields["benefit_type"]._description_selection(self.env))
        for benefit in self:
            if benefit.benefit_type in TARGETS and not benefit._target():
                raise ValidationError(self.env._(
                    "%(tier)s: the benefit “%(type)s” needs: %(field)s.", tier=benefit.tier_id.name,
                    type=labels[benefit.benefit_type],
                    field=self._fields[TARGETS[benefit.benefit_type]]._description_string(self.env)))
            if benefit.benefit_type == "points_multiplier" and not 1 < benefit.points_factor <= 100:
                raise ValidationError(self.env._(
                    "%(tier)s: points can be multiplied by more than 1 and up to 100, not by %(factor)s.",
                    tier=benefit.tier_id.name, factor=f"{benefit.points_factor:g}"))
            if benefit.benefit_type == "gift":
                benefit._check_gift()

    def _check_gift(self):
        if self.program_id.program_type not in GIFT_PROGRAM_TYPES:
            raise ValidationError(self.env._(
                "%(program)s cannot be given as a gift: choose a program of coupons or gift cards.",
                program=self.program_id.name))
        if self.gift_points <= 0 or self.gift_days < 0 or not self.occasion:
            raise ValidationError(self.env._(
                "%(tier)s: a gift needs an occasion, at least a part of a point on its coupon, and days that are not "
                "negative.",
                tier=self.tier_id.name))

    @api.constrains("tier_id", "company_id", *_TARGET_FIELDS)
    def _check_company(self):
        for benefit in self:
            target = benefit._target()
            companies = benefit.tier_id.company_id | benefit.company_id
            if benefit.benefit_type == "manager":
                if not companies <= benefit.user_id.sudo().company_ids:
                    raise ValidationError(self.env._(
                        "%(user)s has no access to %(company)s.", user=benefit.user_id.name,
                        company=", ".join(companies.mapped("name"))))
            elif "company_id" in getattr(target, "_fields", ()):
                companies |= target.company_id
            if len(companies) > 1 and benefit.benefit_type != "manager":
                raise ValidationError(self.env._(
                    "%(benefit)s belongs to another company than the tier %(tier)s or the benefit: %(companies)s.",
                    benefit=benefit.display_name, tier=benefit.tier_id.name,
                    companies=", ".join(companies.sudo().mapped("name"))))

    @api.constrains(
        "tier_id", "benefit_type", "company_id", "active", "date_from", "date_to", "occasion", *_TARGET_FIELDS)
    def _check_conflicts(self):
        for benefit in self.filtered("active"):
            # sudo: the other benefit may be one of a company that its author does not see.
            for other in benefit.sudo().tier_id.benefit_ids - benefit:
                if benefit._fights(other):
                    raise ValidationError(self.env._(
                        "%(tier)s already has “%(other)s” at that time. An order can carry only one of the two: "
                        "remove one, or give them validity periods that do not overlap.",
                        tier=benefit.tier_id.name, other=other.display_name))
            benefit._check_program_use()

    def _fights(self, other):
        """Tell whether two benefits of a tier are about the same thing, in the same company at the same time."""
        if self.benefit_type != other.benefit_type or not other.active:
            return False
        if self.company_id and other.company_id and self.company_id != other.company_id:
            return False
        if (self.date_from or _FAR_PAST) > (other.date_to or _FAR_FUTURE) \
                or (other.date_from or _FAR_PAST) > (self.date_to or _FAR_FUTURE):
            return False
        if self.benefit_type in _SINGLE_TYPES:
            return True
        same = self._target() == other._target()
        return same and (self.benefit_type != "gift" or self.occasion == other.occasion)

    def _check_program_use(self):
        """A program is open to tiers, or it gives coupons away: one that did both would take its own coupons back."""
        contrary = {"program": "gift", "gift": "program"}.get(self.benefit_type)
        if contrary and self.sudo().search_count(
                [("program_id", "=", self.program_id.id), ("benefit_type", "=", contrary)], limit=1):
            raise ValidationError(self.env._(
                "%(program)s is used both as a gift and as a program for certain tiers only: who lost the tier could "
                "not use a coupon already given. Make a program of its own for the gift.",
                program=self.program_id.name))

    @api.constrains("benefit_type", "pricelist_id", "active", "company_id")
    def _check_pricelist(self):
        self.filtered(lambda benefit: benefit.benefit_type == "pricelist" and benefit.active) \
            .pricelist_id._check_for_tiers_only()

    # changes

    @api.model_create_multi
    def create(self, vals_list):
        benefits = super().create(vals_list)
        benefits._clear_other_targets()
        self.env.registry.clear_cache()
        return benefits

    def write(self, vals):
        result = super().write(vals)
        if "benefit_type" in vals:
            self._clear_other_targets()
        self.env.registry.clear_cache()
        return result

    def unlink(self):
        programs = self.filtered(lambda benefit: benefit.benefit_type == "program").program_id
        result = super().unlink()
        self.env.registry.clear_cache()
        self._close_programs(programs)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_given(self):
        given = self.filtered("grant_count")
        if given:
            raise UserError(self.env._(
                "%(benefit)s was given already, and must be remembered so that nobody gets it twice. Archive it "
                "instead.",
                benefit=given[0].display_name))

    def _clear_other_targets(self):
        """Forget what was chosen for another type before: a hidden field must not mean anything."""
        for benefit in self:
            keep = TARGETS.get(benefit.benefit_type)
            other = [name for name in _TARGET_FIELDS if name != keep and benefit[name]]
            if other:
                # past our own write, which calls this
                super(CrmValueBenefit, benefit).write(  # pylint: disable=super-method-mismatch
                    dict.fromkeys(other, False))

    @api.model
    def _close_programs(self, programs):
        """Archive programs that were for some tiers only and no longer are: they must not become everybody's."""
        still = self.sudo().with_context(active_test=False).search(
            [("program_id", "in", programs.ids), ("benefit_type", "=", "program")]).program_id
        (programs - still).sudo().active = False

    # what holds

    @api.model
    @tools.ormcache()
    def _catalogue(self):
        """Return the benefits of every tier: tier id → tuple of `Entry`."""
        catalogue = {}
        # sudo: whoever buys or sells, the benefits of a tier are the same.
        for benefit in self.sudo().with_context(active_test=False).search([]):
            target = benefit._target()
            catalogue.setdefault(benefit.tier_id.id, []).append(Entry(
                id=benefit.id, kind=benefit.benefit_type, company_id=benefit.company_id.id,
                target_id=target.id if isinstance(target, models.BaseModel) else 0, factor=benefit.points_factor,
                date_from=benefit.date_from or None, date_to=benefit.date_to or None,
                is_active=benefit.active and benefit.tier_id.active))
        return {tier_id: tuple(entries) for tier_id, entries in catalogue.items()}

    @api.model
    def _in_force(self, tier, company, day):
        """Return the entries of the benefits that a tier gives in a company on a day."""
        return [entry for entry in self._catalogue().get(tier.id, ()) if entry.holds(company.id, day)]

    @api.model
    def _target_id(self, tier, company, day, kind):
        """Return the id of the record that the benefit of a type points at, False without such a benefit."""
        return next((entry.target_id for entry in self._in_force(tier, company, day) if entry.kind == kind), False)

    @api.model
    def _gated_programs(self):
        """Return the ids of the programs that are for some tiers only, in whatever company and whenever."""
        return {entry.target_id for entries in self._catalogue().values() for entry in entries
                if entry.kind == "program"}

    @api.model
    def _tier_pricelist_ids(self):
        """Return the ids of the pricelists that tiers give."""
        return {entry.target_id for entries in self._catalogue().values() for entry in entries
                if entry.kind == "pricelist" and entry.is_active}

    @api.model
    def _manager(self, tier, company, day):
        """Return the account manager that a tier gives its customers, if that user can still work in the company."""
        # sudo: an order made by a customer asks this, too.
        user = self.env["res.users"].sudo().browse(self._target_id(tier, company, day, "manager"))
        return user if user and user.active and company in user.company_ids else user.browse()

    def _gifts_for(self, occasion, company, day):
        """Return those of these benefits that are gifts for an occasion in a company on a day."""
        return self.filtered(lambda benefit: (
            benefit.active and benefit.benefit_type == "gift" and benefit.occasion == occasion
            and benefit.company_id.id in (False, company.id) and benefit.program_id.active
            and (benefit.date_from or day) <= day <= (benefit.date_to or day)))

    def _gift_expires_on(self, day):
        return day + timedelta(days=self.gift_days) if self.gift_days else False

    @api.model
    @tools.ormcache("lang")
    def _tier_cards(self, lang):
        """Return how tiers and their benefits are named to a seller: tier id → dict ``name color icon benefits``."""
        # sudo: an order may carry a tier of a company that its reader does not see any more.
        tiers = self.env["crm.value.tier"].sudo().with_context(active_test=False, lang=lang).search([])
        return {tier.id: {
            "name": tier.name, "color": tier.color, "icon": tier.icon,
            "benefits": {benefit.id: benefit.display_name for benefit in tier.benefit_ids},
        } for tier in tiers}

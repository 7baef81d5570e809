from odoo import api, fields, models, tools
from odoo.exceptions import AccessError, UserError, ValidationError

from .benefit_types import BENEFIT_TYPES, NO_TYPE, OCCASIONS, ActiveBenefit

#: what a gift is checked for beside its target
_GIFT_FIELDS = ("gift_points", "gift_days", "occasion", "holiday_id", "draw_winners")
#: a century; a coupon of longer would end beyond the calendar, or never be given
MOST_GIFT_DAYS = 36_500


class CrmValueBenefit(models.Model):
    """What a tier gives its customers: a record of Odoo's own that a sales order then uses. Holds no prices.

    How to use: `_active_benefits` returns what a tier gives in a company on a day; `crm.value.benefit.text` says it in
    words.

    How it works: what is known of a type is a row in `benefit_types.py`. Orders read the benefits from the registry's
    cache (`_benefits_by_tier`), which every change clears.
    """

    _name = "crm.value.benefit"
    _description = "Tier Benefit"
    _order = "tier_id, sequence, id"

    tier_id = fields.Many2one("crm.value.tier", required=True, ondelete="cascade", index=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    benefit_type = fields.Selection(
        [(row.code, row.label) for row in BENEFIT_TYPES.values()], string="Benefit", required=True, default="pricelist"
    )
    company_id = fields.Many2one(
        "res.company",
        compute="_compute_company_id",
        store=True,
        readonly=False,
        precompute=True,
        index=True,
        ondelete="cascade",
        help="In this company and its branches. Empty: in all companies that have the tier",
    )
    pricelist_id = fields.Many2one(
        "product.pricelist",
        ondelete="restrict",
        index="btree_not_null",
        domain="['|', ('company_id', '=', False), ('company_id', '=?', company_id)]",
    )
    pricelist_warning = fields.Char(compute="_compute_pricelist_warning")
    payment_term_id = fields.Many2one(
        "account.payment.term",
        string="Payment Terms",
        ondelete="restrict",
        index="btree_not_null",
        domain="['|', ('company_id', '=', False), ('company_id', 'parent_of', company_id)] if company_id else []",
    )
    program_id = fields.Many2one(
        "loyalty.program",
        ondelete="restrict",
        index="btree_not_null",
        domain="['|', ('company_id', '=', False), ('company_id', 'parent_of', company_id)] if company_id else []",
    )
    user_id = fields.Many2one(
        "res.users",
        string="Account Manager",
        ondelete="cascade",
        index="btree_not_null",
        domain="[('share', '=', False)]",
        help="Salesperson of new orders, unless the contact has its own",
    )
    points_factor = fields.Float(
        string="Multiplier", default=2.0, digits=(16, 2), help="Applies to loyalty card programs only"
    )
    is_exclusive = fields.Boolean(
        string="Not Together with Programs",
        help="Orders with this benefit get no reward of a program, but for those that the tier itself gives. Gift "
        "cards and eWallets are payments and stay.",
    )
    occasion = fields.Selection([(row.code, row.label) for row in OCCASIONS.values()], default="reach")
    gift_points = fields.Float(
        string="Points on the Coupon", default=1.0, help="A gift card: its amount; a coupon: what its reward costs"
    )
    gift_days = fields.Integer(string="Valid for (days)", help="0: no end")
    holiday_id = fields.Many2one(
        "crm.value.holiday", string="Date", ondelete="restrict", help="A holiday, or any other day of each year"
    )
    draw_winners = fields.Integer(string="Winners", default=1, help="Of each quarter's draw")
    note = fields.Text(translate=True, help="Shown to the seller on the order")
    customer_text = fields.Char(
        string="In the Customer's Words",
        translate=True,
        help="What the customer reads of it in the portal and in mails. Empty: a general text; no note is ever shown.",
    )
    date_from = fields.Date(string="From", help="First day; empty: always")
    date_to = fields.Date(string="To", help="Last day; empty: for good")
    grant_count = fields.Integer(string="Gifts", compute="_compute_grant_count")

    _dates_ordered = models.Constraint("CHECK(date_from <= date_to)", "A benefit cannot end before it begins.")

    # types

    @api.model
    def _types(self):
        """Hook: the table of benefit types by code; another module adds its rows."""
        return BENEFIT_TYPES

    def _type(self):
        """Return the row of the benefit's type."""
        self.ensure_one()
        return self._types().get(self.benefit_type, NO_TYPE)

    @api.model
    def _target_fields(self):
        return list(dict.fromkeys(row.target for row in self._types().values() if row.target))

    def _target(self):
        """Return what the benefit gives: a record, a number or a text; False where the type says it all."""
        name = self._type().target
        return self[name] if name else False

    def _target_company(self):
        """Return the company whose record the benefit gives, empty where it belongs to none; a user works in many."""
        target = self._target()
        is_owned = "company_id" in getattr(target, "_fields", ()) and target._name != "res.users"
        return target.company_id if is_owned else self.env["res.company"]

    # computes

    @api.depends("tier_id.company_id", "benefit_type", "pricelist_id", "payment_term_id", "program_id")
    def _compute_company_id(self):
        for benefit in self:
            before, target_company = benefit.company_id, benefit._target_company()
            company = benefit.tier_id.company_id or target_company or before
            for branch in (target_company, before):
                if company in branch.sudo().parent_ids:  # sudo: which branches there are is the same for everybody
                    company = branch
            benefit.company_id = company

    @api.depends("benefit_type", "pricelist_id.active")
    def _compute_pricelist_warning(self):
        is_on = self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist")
        for benefit in self:
            warning = False
            if benefit.benefit_type == "pricelist" and not is_on:
                warning = self.env._("Pricelists are switched off in the settings: no order gets this one.")
            elif benefit.pricelist_id and not benefit.pricelist_id.active:
                warning = self.env._("This pricelist is archived: no order gets it.")
            benefit.pricelist_warning = warning

    @api.depends(
        "benefit_type",
        "occasion",
        "points_factor",
        "program_id.name",
        "pricelist_id.name",
        "payment_term_id.name",
        "user_id.name",
        "note",
    )
    @api.depends_context("lang")
    def _compute_display_name(self):
        for benefit in self:
            benefit.display_name = self.env["crm.value.benefit.text"]._describe(benefit)

    def _compute_grant_count(self):
        # sudo: gifts in companies that the user does not see keep a benefit from being deleted, too
        counts = dict(
            self.env["crm.value.grant"]
            .sudo()
            ._read_group([("benefit_id", "in", self.ids)], ["benefit_id"], ["__count"])
        )
        for benefit in self:
            benefit.grant_count = counts.get(benefit, 0)

    # constraints

    @api.constrains(lambda self: ("benefit_type", *self._target_fields(), *_GIFT_FIELDS))
    def _check_target(self):
        for benefit in self:
            target = benefit._type().target
            if target and not benefit[target]:
                labels = dict(self._fields["benefit_type"]._description_selection(self.env))
                raise ValidationError(
                    self.env._(
                        "%(tier)s: the benefit “%(type)s” needs: %(field)s.",
                        tier=benefit.tier_id.name,
                        type=labels[benefit.benefit_type],
                        field=self._fields[target]._description_string(self.env),
                    )
                )
            if target == "points_factor" and not 1 < benefit.points_factor <= 100:
                raise ValidationError(
                    self.env._(
                        "%(tier)s: points can be multiplied by more than 1 and up to 100, not by %(factor)s.",
                        tier=benefit.tier_id.name,
                        factor=f"{benefit.points_factor:g}",
                    )
                )
            if benefit._type().has_occasion:
                benefit._check_gift()

    def _check_gift(self):
        if self.program_id.program_type not in self._type().program_types:
            raise ValidationError(
                self.env._(
                    "%(program)s cannot be given as a gift: choose a program of coupons or gift cards.",
                    program=self.program_id.name,
                )
            )
        if self.gift_points <= 0 or not 0 <= self.gift_days <= MOST_GIFT_DAYS or not self.occasion:
            raise ValidationError(
                self.env._(
                    "%(tier)s: a gift needs an occasion, at least a part of a point on its coupon, and from 0 to "
                    "%(most)s days.",
                    tier=self.tier_id.name,
                    most=MOST_GIFT_DAYS,
                )
            )

        if self.occasion == "holiday" and not self.holiday_id:
            raise ValidationError(self.env._("%(tier)s: a gift on a date needs the date.", tier=self.tier_id.name))
        if self.occasion == "drawn" and not 1 <= self.draw_winners <= 10_000:
            raise ValidationError(
                self.env._("%(tier)s: a draw has between 1 and 10,000 winners.", tier=self.tier_id.name)
            )

    @api.constrains(lambda self: ("tier_id", "company_id", *self._target_fields()))
    def _check_company(self):
        for benefit in self:
            scope = benefit.company_id or benefit.tier_id.company_id
            if benefit.benefit_type == "manager":
                benefit._check_manager(scope)
            if scope and not benefit._is_given_in(scope):
                companies = benefit.tier_id.company_id | benefit.company_id | benefit._target_company()
                raise ValidationError(
                    self.env._(
                        "%(benefit)s belongs to another company than the tier %(tier)s or the benefit: %(companies)s.",
                        benefit=benefit.display_name,
                        tier=benefit.tier_id.name,
                        companies=", ".join(companies.sudo().mapped("name")),
                    )
                )  # sudo: names, for the message only

    def _is_given_in(self, company):
        """Tell whether orders of a company can carry this benefit: tier, benefit and target are its or its parents'."""
        owners = self.tier_id.company_id | self.company_id
        # sudo: which branches there are is the same for everybody
        return owners <= company.sudo().parent_ids and self._is_target_usable_in(company.sudo())

    def _is_target_usable_in(self, company):
        """Tell whether Odoo lets an order of a company use the record that the benefit gives."""
        if not self._target_company():
            return True
        target = self._target()
        # sale_loyalty looks for the programs of a company and of its parent, no further
        companies = company | company.parent_id if target._name == "loyalty.program" else company
        return bool(target.filtered_domain(target._check_company_domain(companies)))

    def _check_manager(self, company):
        # sudo: reads the user's companies only
        if not company <= self.user_id.sudo().company_ids:
            raise ValidationError(
                self.env._(
                    "%(user)s has no access to %(company)s.",
                    user=self.user_id.name,
                    company=company.name,
                )
            )

    @api.constrains(
        lambda self: (
            "tier_id",
            "benefit_type",
            "company_id",
            "active",
            "date_from",
            "date_to",
            "occasion",
            *self._target_fields(),
        )
    )
    def _check_conflicts(self):
        for benefit in self.filtered("active"):
            # sudo: the other benefit may be in a company that the user does not see
            for other in benefit.sudo().tier_id.benefit_ids - benefit:
                if self.env["crm.value.benefit.comparison"]._conflict(benefit, other):
                    raise ValidationError(
                        self.env._(
                            "%(tier)s already has “%(other)s” at that time. An order can carry only one of the two: "
                            "remove one, or give them validity periods that do not overlap.",
                            tier=benefit.tier_id.name,
                            other=other.display_name,
                        )
                    )
            benefit._check_program_use()

    def _check_program_use(self):
        """Refuse a program that is both a gift and for certain tiers only."""
        # sudo: the other benefit may be in a company that the user does not see
        excluded_by = self._type().excluded_by
        if excluded_by and self.sudo().search_count(
            [("program_id", "=", self.program_id.id), ("benefit_type", "=", excluded_by)], limit=1
        ):
            raise ValidationError(
                self.env._(
                    "%(program)s is used both as a gift and as a program for certain tiers only: who lost the tier "
                    "could not use a coupon already given. Make a program of its own for the gift.",
                    program=self.program_id.name,
                )
            )

    @api.constrains("benefit_type", "pricelist_id", "active", "company_id")
    def _check_pricelist(self):
        self.filtered(
            lambda benefit: benefit.benefit_type == "pricelist" and benefit.active
        ).pricelist_id._check_for_tiers_only()

    # creating, changing, deleting

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
        programs = self._gated()
        result = super().unlink()
        self.env.registry.clear_cache()
        self._close_programs(programs)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_given(self):
        given = self.filtered("grant_count")
        if given:
            raise UserError(
                self.env._(
                    "%(benefit)s was given already, and must be remembered so that nobody gets it twice. Archive it "
                    "instead.",
                    benefit=given[0].display_name,
                )
            )

    def _clear_other_targets(self):
        """Forget the targets of other types, because a hidden field must not mean anything."""
        for benefit in self:
            # the multiplier is a number with a default, and nobody chose it
            other = [
                name
                for name in self._target_fields()
                if name not in (benefit._type().target, "points_factor") and benefit[name]
            ]
            if other:
                # past our own write, which calls this method
                super(CrmValueBenefit, benefit).write(  # pylint: disable=super-method-mismatch
                    dict.fromkeys(other, False)
                )

    def _gated(self):
        """Return the programs that these benefits open to their tiers only."""
        return self.filtered(lambda benefit: benefit.benefit_type == "program").program_id

    @api.model
    def _close_programs(self, programs):
        """Archive programs that no tier has any more, because they would be open to everybody."""
        # sudo: other companies' benefits count, and whoever manages tiers need not manage programs
        in_use = (
            self.sudo()
            .with_context(active_test=False)
            .search([("program_id", "in", programs.ids), ("benefit_type", "=", "program")])
            .program_id
        )
        (programs - in_use).sudo().active = False

    # pricelists switched off

    def action_enable_pricelists(self):
        """Switch on pricelists as the settings do, and use these benefits' again, which Odoo archived meanwhile.

        :raise AccessError: the user may not change the settings
        """
        if not self.env.user.has_group("base.group_system"):
            raise AccessError(self.env._("Only an administrator can switch on pricelists."))
        self.check_access("write")
        self.env["res.config.settings"].create({"group_product_pricelist": True}).execute()
        self.pricelist_id.action_unarchive()
        return {"type": "ir.actions.client", "tag": "reload"}

    # active benefits

    @api.model
    @tools.ormcache()
    def _benefits_by_tier(self):
        """Return the benefits of every tier: tier id → tuple of `ActiveBenefit`."""
        by_tier = {}
        # sudo: the benefits of a tier are the same, whoever buys or sells
        companies = self.env["res.company"].sudo().with_context(active_test=False).search([])
        for benefit in self.sudo().with_context(active_test=False).search([("tier_id.state", "=", "active")]):
            target = benefit._target()
            is_limited = benefit.tier_id.company_id | benefit.company_id | benefit._target_company()
            by_tier.setdefault(benefit.tier_id.id, []).append(
                ActiveBenefit(
                    id=benefit.id,
                    benefit_type=benefit.benefit_type,
                    company_ids=frozenset(companies.filtered(benefit._is_given_in).ids) if is_limited else None,
                    target_id=target.id if isinstance(target, models.BaseModel) else 0,
                    currency_id=target.currency_id.id if benefit._type().is_per_currency else 0,
                    factor=benefit.points_factor,
                    date_from=benefit.date_from or None,
                    date_to=benefit.date_to or None,
                    is_active=benefit.active and benefit.tier_id.active,
                    is_exclusive=benefit.is_exclusive,
                )
            )
        return {tier_id: tuple(benefits) for tier_id, benefits in by_tier.items()}

    @api.model
    def _active_benefits(self, tier, company, day, carried=()):
        """Return what a tier gives in a company on a day, as a list of `ActiveBenefit`.

        :param carried: ids of the benefits that an order carries already, whether or not they are still in use
        """
        benefits = self._benefits_by_tier().get(tier.id, ())
        return [benefit for benefit in benefits if benefit.holds(company.id, day, carried)]

    @api.model
    def _of_type(self, benefit_type):
        """Return all benefits of a type, in any company, in use or not, as a list of `ActiveBenefit`."""
        return [
            benefit
            for benefits in self._benefits_by_tier().values()
            for benefit in benefits
            if benefit.benefit_type == benefit_type
        ]

    @api.model
    def _gated_programs(self):
        """Return the ids of the programs that are for certain tiers only, in any company and at any time."""
        return {benefit.target_id for benefit in self._of_type("program")}

    @api.model
    def _tier_pricelist_ids(self):
        """Return the ids of the pricelists that tiers give."""
        return {benefit.target_id for benefit in self._of_type("pricelist") if benefit.is_active}

    @api.model
    def _manager(self, tier, company, day, carried=()):
        """Return the account manager that a tier gives its customers, if that user can still work in the company."""
        active = self._active_benefits(tier, company, day, carried)
        user_id = next((benefit.target_id for benefit in active if benefit.benefit_type == "manager"), False)
        # sudo: customers create orders, too, and have no rights on users
        user = self.env["res.users"].sudo().browse(user_id)
        return user if user and user.active and company in user.company_ids else user.browse()

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ..const import MARGIN_GROUP, SELLER_GROUP
from .listening.account_manager import compute_changes, search_changes
from .privacy.field_access import denies
from .refresh.concurrent_index import ConcurrentIndex
from .tiers.crm_value_tier import STRATEGIES

#: what may give a contact another commercial partner
_PARENTS = {"parent_id", "is_company"}
_STAGES = [
    ("exploring", "Exploring"),
    ("early", "Early"),
    ("established", "Established"),
    ("strategic", "Strategic partner"),
    ("broken_internal", "Broken off: our reason"),
    ("broken_external", "Broken off: their reason"),
]


class ResPartner(models.Model):
    """Shows the value of the contact's commercial partner in the current company (how: `crm.value.mixin`).

    Stored is only what people note on a contact: the opt-out, the referrer, the birthday, and how to approach it.
    """

    _name = "res.partner"
    _inherit = ["res.partner", "crm.value.mixin"]

    # the value
    value_ids = fields.One2many("crm.value", "partner_id", string="Values per Company", groups=SELLER_GROUP)
    value_product_ids = fields.One2many(
        "crm.value.product", "partner_id", string="Products Bought", groups=SELLER_GROUP
    )
    value_figures_age = fields.Char(string="Age of the Figures", related="value_id.figures_age", groups=SELLER_GROUP)
    revenue_total = fields.Monetary(
        related="value_id.revenue_total", currency_field="value_currency_id", groups=SELLER_GROUP
    )
    revenue_12m = fields.Monetary(
        related="value_id.revenue_12m", currency_field="value_currency_id", groups=SELLER_GROUP
    )
    margin_total = fields.Monetary(
        related="value_id.margin_total", currency_field="value_currency_id", groups=MARGIN_GROUP
    )
    margin_12m = fields.Monetary(related="value_id.margin_12m", currency_field="value_currency_id", groups=MARGIN_GROUP)
    overdue_amount = fields.Monetary(
        related="value_id.overdue_amount", currency_field="value_currency_id", groups=SELLER_GROUP
    )
    purchase_count = fields.Integer(related="value_id.purchase_count", groups=SELLER_GROUP)
    last_purchase_date = fields.Date(related="value_id.last_purchase_date", groups=SELLER_GROUP)
    next_purchase_date = fields.Date(related="value_id.next_purchase_date", groups=SELLER_GROUP)
    last_contact_date = fields.Date(related="value_id.last_contact_date", groups=SELLER_GROUP)
    last_contact_channel = fields.Selection(related="value_id.last_contact_channel", groups=SELLER_GROUP)
    contact_count_12m = fields.Integer(related="value_id.contact_count_12m", groups=SELLER_GROUP)
    open_complaint_count = fields.Integer(related="value_id.open_complaint_count", groups=SELLER_GROUP)
    probability_alive = fields.Float(related="value_id.probability_alive", groups=SELLER_GROUP)
    churn_probability = fields.Float(related="value_id.churn_probability", groups=SELLER_GROUP)
    revenue_at_risk = fields.Monetary(
        related="value_id.revenue_at_risk", currency_field="value_currency_id", groups=SELLER_GROUP
    )
    clv = fields.Monetary(related="value_id.clv", currency_field="value_currency_id", groups=MARGIN_GROUP)
    realised_value = fields.Monetary(
        related="value_id.realised_value", currency_field="value_currency_id", groups=MARGIN_GROUP
    )
    rfm_score = fields.Integer(related="value_id.rfm_score", groups=SELLER_GROUP)
    rfm_segment = fields.Many2one(related="value_id.rfm_segment", groups=SELLER_GROUP)

    # the tier
    value_tier_id = fields.Many2one(related="value_id.tier_id", string="Tier", groups=SELLER_GROUP)
    value_tier_color = fields.Integer(related="value_id.tier_id.color", string="Tier Color", groups=SELLER_GROUP)
    value_tier_icon = fields.Selection(related="value_id.tier_id.icon", string="Tier Icon", groups=SELLER_GROUP)
    value_tier_review_date = fields.Date(related="value_id.tier_review_date", groups=SELLER_GROUP)
    value_next_tier_id = fields.Many2one(related="value_id.next_tier_id", string="Next Tier", groups=SELLER_GROUP)
    value_tier_explanation = fields.Html(
        string="Why This Tier", compute="_compute_value_tier_explanation", sanitize=False, groups=SELLER_GROUP
    )

    # what people note; copy=False: a duplicate is somebody else, and Odoo copies also for users who may not read these
    value_opt_out = fields.Boolean(
        string="Opt Out of Scoring",
        copy=False,
        groups=SELLER_GROUP,
        help="The customer does not want to be scored: revenue and margin stay as in the books; there is no "
        "prediction, rank, stage or tier, and nobody is asked to follow up. For a contact of a company: no "
        "follow-up about this person; the company keeps its figures.",
    )
    preferred_channel = fields.Selection(
        [("activity", "In person"), ("mail", "E-mail"), ("sms", "Text message")],
        copy=False,
        groups=SELLER_GROUP,
        help="How the customer likes to hear from you. Empty: by what it answered so far.",
    )
    value_refused_kind_ids = fields.Many2many(
        "crm.value.message.kind",
        "crm_value_message_refusal_rel",
        "partner_id",
        "kind_id",
        string="Refused Messages",
        copy=False,
        groups=SELLER_GROUP,
        help="Kinds of messages that the contact does not want",
    )
    referred_by_id = fields.Many2one(
        "res.partner",
        string="Referred by",
        ondelete="set null",
        index="btree_not_null",
        copy=False,
        groups=SELLER_GROUP,
        help="The customer who brought this one",
    )
    # The name that other modules use for it: with one of them installed there is one birthday, not two.
    birthdate_date = fields.Date(string="Birthday", copy=False, groups=SELLER_GROUP)
    value_birthday_entered_on = fields.Date(
        string="Birthday Entered On",
        copy=False,
        readonly=True,
        groups=SELLER_GROUP,
        help="When the customer entered it on its loyalty page; empty: an employee did",
    )
    value_interest_ids = fields.Many2many(
        "crm.value.interest",
        "crm_value_interest_rel",
        "partner_id",
        "interest_id",
        string="Interests",
        copy=False,
        groups=SELLER_GROUP,
        help="What the contact wants to hear about; tiers and follow-up rules can ask for it in their conditions",
    )
    value_profile_completed_on = fields.Date(
        string="Profile Completed On",
        copy=False,
        readonly=True,
        groups=SELLER_GROUP,
        help="When the customer completed its profile on its loyalty page",
    )
    contact_style = fields.Selection(
        [("driving", "Driving"), ("analytical", "Analytical"), ("sociable", "Sociable")],
        groups=SELLER_GROUP,
        copy=False,
        help="Driving: wants results, soon. Analytical: wants facts. Sociable: wants to know whom he deals with.",
    )
    contact_style_hint = fields.Char(compute="_compute_contact_style_hint", groups=SELLER_GROUP)
    relationship_stage = fields.Selection(
        _STAGES,
        groups=SELLER_GROUP,
        copy=False,
        tracking=True,
        group_expand="_group_expand_relationship_stage",
        help="For key accounts: how far you have come",
    )
    relationship_since = fields.Date(
        string="Stage since", groups=SELLER_GROUP, copy=False, readonly=True, help="When the stage last changed"
    )
    salesperson_change_count = fields.Integer(
        string="Salesperson Changes",
        compute=compute_changes,
        search=search_changes,
        groups=SELLER_GROUP,
        help="How often the customer got another salesperson in the last 24 months",
    )
    contact_role = fields.Selection(
        [("decides", "Decides"), ("influences", "Influences"), ("uses", "Uses"), ("pays", "Pays")],
        string="Role in Buying",
        groups=SELLER_GROUP,
        copy=False,
        help="What this person does when the customer decides to buy",
    )
    relationship_strategy = fields.Selection(
        STRATEGIES, string="Own Strategy", groups=SELLER_GROUP, copy=False, help="Empty: the one of the customer's tier"
    )
    relationship_hint = fields.Char(compute="_compute_relationship_hint", groups=SELLER_GROUP)

    _value_opt_out_idx = models.Index("(id) WHERE value_opt_out")
    # joins contacts with the values of their customers without reading the contacts
    _crm_value_customer_idx = ConcurrentIndex("(commercial_partner_id) WHERE active IS TRUE")
    # a salesperson's own customers, on the dashboard
    _crm_value_user_idx = ConcurrentIndex("(user_id) WHERE user_id IS NOT NULL")

    def init(self):
        super().init()
        self.env["crm.value.schema"]._commit()

    @api.constrains("referred_by_id")
    def _check_referred_by_id(self):
        if self._has_cycle("referred_by_id"):
            raise ValidationError(self.env._("Customers cannot have referred each other in a circle."))
        for partner in self:
            if partner.referred_by_id and partner.referred_by_id.commercial_partner_id == partner.commercial_partner_id:
                raise ValidationError(
                    self.env._(
                        "%(customer)s cannot be referred by itself or by a contact of the same company.",
                        customer=partner.display_name,
                    )
                )

    # whose value (see `crm.value.mixin`)

    @api.depends("commercial_partner_id.value_ids.company_id")
    @api.depends_context("company")
    def _compute_value_id(self):
        super()._compute_value_id()

    def _value_keys(self):
        return {
            partner: (partner.commercial_partner_id._origin.id or partner._origin.id, self.env.company.id)
            for partner in self
        }

    def _value_key_to_sql(self, alias, query):
        return self._field_to_sql(alias, "commercial_partner_id", query), SQL("%s", self.env.company.id)

    # computes

    @api.depends("value_id.tier_explanation")
    @api.depends_context("company", "uid", "lang")
    def _compute_value_tier_explanation(self):
        # No related field: Odoo would read it by sudo, and not everybody may see the margins in it.
        for partner in self:
            partner.value_tier_explanation = partner.value_id.tier_explanation

    @api.depends("contact_style")
    @api.depends_context("lang")
    def _compute_contact_style_hint(self):
        for partner in self:
            partner.contact_style_hint = self.env["crm.value.contact.style"]._hint(partner.contact_style)

    @api.depends("relationship_strategy", "value_id.tier_id.relationship_strategy")
    @api.depends_context("company")
    def _compute_relationship_hint(self):
        names = dict(self._fields["relationship_strategy"]._description_selection(self.env))
        for partner in self:
            customer = partner.commercial_partner_id
            strategy = customer.relationship_strategy or partner.value_id.tier_id.relationship_strategy
            days = strategy and self.env.company[f"value_cadence_{strategy}"]
            partner.relationship_hint = strategy and self.env._(
                "%(strategy)s: a contact every %(days)s days", strategy=names[strategy], days=days
            )

    @api.depends("commercial_partner_id.value_ids.tier_id")
    @api.depends_context("value_order_tier_id", "value_order_day", "value_order_benefits")
    def _compute_product_pricelist(self):
        super()._compute_product_pricelist()

    def _inverse_product_pricelist(self):
        """Never store a tier's pricelist; store one that a person chose, even when it is everybody's."""
        is_on = self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist")
        if not is_on or not self.env["crm.value.benefit"]._of_type("pricelist"):
            # Odoo keeps what was assigned until the end of the transaction, even where contacts have no pricelist.
            return super()._inverse_product_pricelist()
        of_tier = self.env["product.pricelist"]._tier_pricelists(self)
        chosen = {partner: partner.property_product_pricelist for partner in self if partner in of_tier}
        super(ResPartner, self - self.browse().concat(*chosen))._inverse_product_pricelist()
        for partner, pricelist in chosen.items():
            partner.specific_property_product_pricelist = pricelist if pricelist != of_tier[partner] else False
        # What orders of other tiers read is not what was assigned here.
        self.invalidate_recordset(["property_product_pricelist"], flush=False)
        return None

    # writing

    @api.model_create_multi
    def create(self, vals_list):
        partners = super().create(self.env["crm.value.referral.link"]._credit(vals_list))
        if any(vals.get("relationship_stage") for vals in vals_list):
            partners.filtered("relationship_stage")._follow_relationship()
        return partners

    def write(self, vals):
        Merge = self.env["crm.value.merge"]
        moving = Merge._before_move(self) if not _PARENTS.isdisjoint(vals) else {}
        changed = self.browse()
        if "value_opt_out" in vals:
            changed = self.filtered(lambda partner: partner.value_opt_out != bool(vals["value_opt_out"]))
        moved = self.browse()
        if "relationship_stage" in vals:
            moved = self.filtered(lambda partner: partner.relationship_stage != (vals["relationship_stage"] or False))
        result = super().write(vals)
        # sudo: whoever writes a contact need not see the company that it is of
        if "tz" in vals and self.sudo().ref_company_ids:
            self.env.registry.clear_cache()  # see res.company._value_timezone
        if moving:
            Merge._move(moving)
        if changed:
            self.env["crm.value.opt.out"]._apply(changed)
        if moved:
            moved._follow_relationship()
        if "birthdate_date" in vals and "value_birthday_entered_on" not in vals:
            # an employee knows it; sudo: nobody writes this date
            self.sudo().filtered("value_birthday_entered_on").value_birthday_entered_on = False
        return result

    def _follow_relationship(self):
        """Date the stage of these key accounts, and ask why a relationship broke off."""
        # sudo: nobody writes this date
        self.sudo().relationship_since = fields.Date.context_today(self)
        broken = self.filtered(lambda partner: (partner.relationship_stage or "").startswith("broken"))
        nothing = self.env["crm.value.followup"]
        self.env["crm.value.departure"]._ask(
            {(partner.commercial_partner_id, self.env.company): ("broken_off", nothing) for partner in broken}
        )

    @api.model
    def _group_expand_relationship_stage(self, _stages, _domain):
        return [stage for stage, _label in _STAGES]

    def _has_field_access(self, field, operation):
        is_dated = field.name == "relationship_since" and operation == "write" and not self.env.su
        return super()._has_field_access(field, operation) and not is_dated and not denies(self, field, operation)

    @api.ondelete(at_uninstall=False)
    def _unlink_value_messages(self):
        self.env["crm.value.privacy"]._unlink_messages(self)

    # actions

    def action_open_value_purchases(self):
        """Open the purchases that an amount of this contact is made of (see `crm.value.action_open_purchases`)."""
        return self._open_from_value("action_open_purchases")

    def action_open_value_overdue(self):
        """Open the entries that the overdue amount of this contact is the sum of."""
        return self._open_from_value("action_open_overdue")

    def _open_from_value(self, action):
        self.ensure_one()
        if not self.value_id:
            return self.env["crm.value"]._notification(self._describe_no_value(), "info")
        return getattr(self.value_id, action)()

    def action_recompute_value(self):
        """Recompute the values of these contacts' commercial partners in the user's active companies.

        :return: action that tells the user what was done, or that it is done within a minute
        :raise AccessError: the user may not read these contacts or customer values
        """
        self.check_access("read")
        Value = self.env["crm.value"]
        Value.check_access("read")
        count, is_enqueued = self.env["crm.value.scheduler"]._refresh_or_enqueue(self, self.env.companies)
        if is_enqueued:
            return Value._notification(
                self.env._("The values of %(count)s customers are recomputed within a minute.", count=count), "info"
            )
        return Value._notification(self.env._("The values of %(count)s customers were recomputed.", count=count))

    def action_suggest_plan(self):
        """Open Odoo's dialog for activities with the plan suggested for the relationship stage.

        :raise AccessError: the user may not change this contact
        """
        self.ensure_one()
        self.check_access("write")
        plan = self.env.ref(f"crm_value_addon.plan_relationship_{self.relationship_stage}", raise_if_not_found=False)
        return {
            "type": "ir.actions.act_window",
            "res_model": "mail.activity.schedule",
            "views": [(False, "form")],
            "target": "new",
            "name": self.env._("Suggested Activities"),
            "context": {
                "active_model": "res.partner",
                "active_id": self.id,
                "active_ids": self.ids,
                "default_res_model": "res.partner",
                "default_res_ids": str(self.ids),
                "plan_mode": True,
                "default_plan_id": plan.id if plan else False,
            },
        }

    def action_erase_profile(self):
        """Erase all that was concluded or noted about these customers, in all companies; the books stay.

        They are not evaluated again until somebody unticks *Opt Out of Scoring*.

        :return: action that tells the user
        :raise AccessError: the user is no sales manager, or may not change these contacts
        """
        self.env["crm.value.privacy"]._check_manager(self, "write")
        customers = self.env["crm.value.privacy"]._erase(self)
        return self.env["crm.value"]._notification(
            self.env._("The profiles of %(count)s customers were erased.", count=len(customers))
        )

    def action_export_value_data(self):
        """Download all that the addon holds about this customer, in the companies that the user may see, as JSON.

        :raise AccessError: the user is no sales manager, or may not read this contact
        """
        self.ensure_one()
        self.env["crm.value.privacy"]._check_manager(self, "read")
        return {"type": "ir.actions.act_url", "url": f"/crm_value_addon/subject/{self.id}", "target": "download"}

    def _is_set_manually(self, name):
        """Tell whether a person set a field on this contact; what every contact has by default is nobody's choice."""
        self.ensure_one()
        field = self._fields[name]
        return bool(self[name]) and not (
            field.company_dependent and self[name] == field.get_company_dependent_fallback(self)
        )

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, format_date

#: points in one row, far beyond any program
_MOST_POINTS = 1e9


class CrmValueOpeningStanding(models.Model):
    """What a customer had in another program on the first day: its tier and since when, its points.

    How to use: Odoo's own import screen loads the rows, each once; a row is kept as it was loaded.

    How it works: the tier is written at once with its day, in silence; from the next refresh on the rules decide, so
    that it is kept as long as the figures, the opening purchases among them, are enough to keep it. Points go to the
    customer's card of the program through Odoo's history of points, without a mail.
    """

    _name = "crm.value.opening.standing"
    _description = "Opening Tier and Points"
    _order = "id desc"
    _rec_name = "partner_id"

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(
        "res.company", required=True, ondelete="cascade", index=True, default=lambda self: self.env.company
    )
    tier_id = fields.Many2one("crm.value.tier", ondelete="restrict", index=True)
    tier_since = fields.Date(help="Empty: since today")
    program_id = fields.Many2one(
        "loyalty.program",
        ondelete="restrict",
        index=True,
        domain="[('program_type', 'in', ('loyalty', 'ewallet'))]",
        check_company=True,
    )
    points = fields.Float(digits=(16, 2))
    card_id = fields.Many2one("loyalty.card", ondelete="set null", index="btree_not_null", readonly=True)

    @api.constrains("tier_id", "tier_since", "company_id")
    def _check_tier(self):
        for row in self:
            tier, company = row.tier_id, row.company_id
            # sudo: which branches there are is the same for everybody
            if tier and (not tier.active or not tier.company_id <= company.sudo().parent_ids):
                raise ValidationError(
                    self.env._("%(tier)s is not in use in %(company)s.", tier=tier.name, company=company.name)
                )
            if tier and tier.state == "draft":
                raise ValidationError(self.env._("%(tier)s is a draft: activate it first.", tier=tier.name))
            if row.tier_since and row.tier_since > company._value_today():
                raise ValidationError(
                    self.env._(
                        "%(customer)s: a tier held since %(day)s is one of the future.",
                        customer=row.partner_id.display_name,
                        day=format_date(self.env, row.tier_since),
                    )
                )
            if row.tier_since and not tier:
                raise ValidationError(
                    self.env._("%(customer)s: the tier is missing.", customer=row.partner_id.display_name)
                )

    @api.constrains("partner_id", "program_id", "points")
    def _check_points(self):
        for row in self:
            customer = row.partner_id.display_name
            if row.points < 0:
                raise ValidationError(self.env._("%(customer)s: points are a number from 0 up.", customer=customer))
            if row.points and not row.program_id:
                raise ValidationError(self.env._("%(customer)s: which program are the points of?", customer=customer))
            if row.program_id and row.program_id.program_type not in ("loyalty", "ewallet"):
                raise ValidationError(
                    self.env._(
                        "%(program)s keeps no points of a customer: choose a loyalty program or an eWallet.",
                        program=row.program_id.name,
                    )
                )
            if not row.program_id and not row.tier_id:
                raise ValidationError(self.env._("%(customer)s: a row has a tier or points.", customer=customer))

    @api.model_create_multi
    def create(self, vals_list):
        for points in (vals.get("points") or 0.0 for vals in vals_list):
            if not abs(points) < _MOST_POINTS:  # also what is no number
                raise ValidationError(self.env._("Points are a number from 0 up, and within reason."))
        vals_list = self.env["crm.value.opening"]._with_customers(
            [{name: value for name, value in vals.items() if name != "card_id"} for vals in vals_list]
        )
        rows = super().create(vals_list)
        rows._give_points()
        for company, in_company in rows.filtered("tier_id").grouped("company_id").items():
            in_company._give_tiers(company)
        return rows

    def write(self, vals):  # pylint: disable=method-required-super
        """Refuse changes: what was loaded was given.

        :raise UserError: always
        """
        raise UserError(self.env._("What was loaded was given to the customer. Load another row, or lock the tier."))

    def _give_points(self):
        """Put points on the customers' cards, with a line of their history."""
        # sudo: a sales manager has no rights on the history of points, and the rights on this row were checked
        Card, History = self.env["loyalty.card"].sudo(), self.env["loyalty.history"].sudo()
        lines = []
        for row in self.filtered("points"):
            card = Card.search(
                [("program_id", "=", row.program_id.id), ("partner_id", "=", row.partner_id.id)], limit=1
            ) or Card.with_context(loyalty_no_mail=True).create(
                {"program_id": row.program_id.id, "partner_id": row.partner_id.id, "points": 0}
            )
            card.points += row.points
            super(CrmValueOpeningStanding, row.sudo()).write(  # pylint: disable=super-method-mismatch
                {"card_id": card.id}
            )
            said = History._env_of(card)._("Opening balance")
            lines.append({"card_id": card.id, "issued": row.points, "description": said})
        History.create(lines)

    def _give_tiers(self, company):
        """Write the tiers of customers of a company, and log them without a word."""
        keys = {(row.partner_id.id, company.id, 0) for row in self}
        self.env["crm.value.opening"]._mark_imported(company.id, self.partner_id.ids)
        today = company._value_today()
        self.env.cr.execute(
            SQL(
                """
            WITH standing AS (
                SELECT value.id, value.tier_id, value.tier_since, row.tier_id AS new_id, row.since
                  FROM unnest(%(partners)s::int[], %(tiers)s::int[], %(since)s::date[]) row(partner_id, tier_id, since)
                  JOIN crm_value value ON value.partner_id = row.partner_id AND value.company_id = %(company)s
            ), logged AS (
                INSERT INTO crm_value_tier_change
                       (value_id, from_tier_id, to_tier_id, from_since, date, source, is_silent, user_id)
                SELECT id, tier_id, new_id, tier_since, %(today)s, 'import', TRUE, %(user)s FROM standing
                 WHERE tier_id IS DISTINCT FROM new_id
            )
            UPDATE crm_value value SET tier_id = standing.new_id, tier_since = standing.since, tier_review_date = NULL
              FROM standing WHERE value.id = standing.id
            """,
                partners=[row.partner_id.id for row in self],
                tiers=[row.tier_id.id for row in self],
                since=[row.tier_since or today for row in self],
                company=company.id,
                today=today,
                user=self.env.uid,
            )
        )
        self.env["crm.value"].invalidate_model()
        self.env["crm.value.tier.change"].invalidate_model()
        self.env["crm.value.queue"]._push(keys)

    @api.model
    def get_import_templates(self):
        """Return the file that Odoo's import screen offers.

        :raise AccessError: the user may not load opening tiers
        """
        self.check_access("create")
        return [
            {
                "label": self.env._("Import Template for Opening Tiers and Points"),
                "template": "/crm_value_addon/static/import/opening_standings.csv",
            }
        ]

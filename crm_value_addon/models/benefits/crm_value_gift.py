import logging

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ..tiers.crm_value_tier_change import SILENT_SOURCES

_logger = logging.getLogger(__name__)

#: a gift that the cron could not give on its day is given until so many days after
CATCH_UP_DAYS = 7


class CrmValueGrant(models.Model):
    """A gift given: a coupon that a customer got for an occasion. The line is taken first, the coupon made after.

    The constraints are the memory: whatever is tried again, by whomever, finds the occasion taken and gives nothing.
    Line and coupon are made in one transaction; the mail follows in one of its own.
    """

    _name = "crm.value.grant"
    _description = "Gift"
    _order = "id desc"
    _rec_name = "occasion"

    benefit_id = fields.Many2one(
        "crm.value.benefit", ondelete="restrict", index="btree_not_null", readonly=True,
        help="Empty for a referral reward")
    value_id = fields.Many2one(
        "crm.value", string="Customer Value", required=True, ondelete="cascade", index=True, readonly=True)
    partner_id = fields.Many2one(related="value_id.partner_id", string="Customer")
    company_id = fields.Many2one(related="value_id.company_id")
    tier_id = fields.Many2one("crm.value.tier", ondelete="set null", readonly=True)
    occasion = fields.Char(required=True, readonly=True)
    referred_value_id = fields.Many2one("crm.value", string="Referred", ondelete="set null", readonly=True)
    date = fields.Date(required=True, readonly=True)
    card_id = fields.Many2one(
        "loyalty.card", string="Coupon", ondelete="set null", index="btree_not_null", readonly=True)
    program_id = fields.Many2one(related="card_id.program_id")
    state = fields.Selection(
        [("given", "Given"), ("cancelled", "Cancelled")], default="given", required=True, readonly=True)
    mail_state = fields.Selection(
        [("waiting", "Waiting"), ("sent", "Sent"), ("failed", "Failed")], string="Mail", default="waiting",
        readonly=True, index="btree_not_null")

    _occasion_uniq = models.Constraint(
        "UNIQUE(benefit_id, value_id, occasion)", "A customer gets a gift once for an occasion.")
    _referral_uniq = models.UniqueIndex(
        "(value_id, occasion) WHERE benefit_id IS NULL", "A customer gets a gift once for an occasion.")
    _referred_uniq = models.UniqueIndex(
        "(referred_value_id) WHERE referred_value_id IS NOT NULL", "A referred customer earns one reward.")

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        if not self.env.su:
            raise AccessError(self.env._("Gifts are remembered, so that nobody gets one twice."))

    # taking an occasion

    @api.model
    def _claim(self, wishes):
        """Take occasions and make their coupons; those that are taken already are left alone.

        :param wishes: list of tuples (benefit or empty, value, occasion, date, referred value or empty)
        :return: the new lines
        """
        if not wishes:
            return self.browse()
        self.env.flush_all()
        columns = list(zip(*[
            (benefit.id or None, value.id, benefit.tier_id.id or None, occasion, day, referred.id or None)
            for benefit, value, occasion, day, referred in wishes], strict=True))
        rows = self.env.execute_query(SQL(
            """
            INSERT INTO crm_value_grant (benefit_id, value_id, tier_id, occasion, date, referred_value_id,
                                         state, mail_state, create_uid, create_date, write_uid, write_date)
            SELECT wish.*, 'given', 'waiting', %s, now() AT TIME ZONE 'UTC', %s, now() AT TIME ZONE 'UTC'
              FROM unnest(%s::int[], %s::int[], %s::int[], %s::varchar[], %s::date[], %s::int[]) wish
            ON CONFLICT DO NOTHING
            RETURNING id
            """,
            self.env.uid, self.env.uid, *[list(column) for column in columns]))
        grants = self.browse([row[0] for row in rows])
        grants._make_cards()
        if grants:
            self.env.ref("crm_value_addon.ir_cron_gifts").sudo()._trigger()
        return grants

    def _make_cards(self):
        # sudo: nobody who posts an invoice or a payment need have rights on coupons.
        cards = self.env["loyalty.card"].sudo().with_context(loyalty_no_mail=True, tracking_disable=True).create([
            grant._prepare_card_vals() for grant in self])
        for grant, card in zip(self, cards, strict=True):
            grant.card_id = card
        self.env["loyalty.history"].sudo().create([{
            "card_id": card.id, "issued": card.points, "description": self.env._("Gift: %(occasion)s",
                                                                                 occasion=grant._label()),
        } for grant, card in zip(self, cards, strict=True)])

    def _prepare_card_vals(self):
        self.ensure_one()
        company = self.company_id.sudo()
        program = self.benefit_id.program_id if self.benefit_id else company.value_referral_program_id
        return {
            "program_id": program.id, "partner_id": self.value_id.partner_id.id,
            "points": self.benefit_id.gift_points if self.benefit_id else company.value_referral_points,
            "expiration_date": self.benefit_id._gift_expires_on(self.date),
        }

    def _label(self):
        """Return the occasion in words."""
        self.ensure_one()
        if not self.benefit_id:
            return self.env._("referral of %(customer)s", customer=self.referred_value_id.partner_id.display_name or "")
        occasions = dict(self.benefit_id._fields["occasion"]._description_selection(self.env))
        return occasions[self.benefit_id.occasion].lower()

    # reaching a tier

    @api.model
    def _on_tier_changes(self, changes):
        """Give the gifts of tier changes that were just logged (see `crm.value.tier.change`)."""
        self._give_for_changes(changes)

    @api.model
    def _give_for_changes(self, changes):
        """Give what customers get for reaching a tier, once in their lives; a failure never stops the refresh."""
        wishes = []
        for change in changes:
            tier = change.to_tier_id
            if change.source in SILENT_SOURCES or change.direction != "up" or change.value_id.tier_id != tier:
                continue
            company = change.value_id.company_id
            if self._is_paused(change.value_id):
                continue
            benefits = tier.benefit_ids._gifts_for("reach", company, change.date)
            wishes += [(benefit, change.value_id, "reach", change.date, change.value_id.browse())
                       for benefit in benefits]
        return self._claim_safely(wishes)

    @api.model
    def _claim_safely(self, wishes):
        """Take occasions; what fails is logged and tried again by the cron, except a conflict of two sessions."""
        try:
            with self.env.cr.savepoint():
                return self._claim(wishes)
        except psycopg2.OperationalError:
            raise
        except Exception:
            _logger.exception("Customer value: gifts could not be given")
            return self.browse()

    @api.model
    def _is_paused(self, value):
        return bool(self.env["crm.value.benefit.state"]._pause_reason(value, value.company_id))

    def _cancel_unused(self):
        """Take back coupons that were not used yet; used ones stay as they are."""
        unused = self.filtered(lambda grant: grant.state == "given" and not grant.card_id.use_count)
        unused.card_id.action_archive()
        unused.state = "cancelled"

    def _restore(self):
        """Make coupons good again that were taken back."""
        self.card_id.active = True
        self.state = "given"

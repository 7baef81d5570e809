import hashlib
import hmac
import logging
import re
import secrets

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from .benefit_types import OCCASIONS

_logger = logging.getLogger(__name__)
#: what the occasion of a gift begins with once the profile was erased
ERASED = "erased-"
#: what the occasion of a goodwill coupon begins with
GOODWILL = "goodwill"
#: gifts of points in one transaction
_BATCH = 1000
_SALT = "crm_value_addon.gift_salt"


class CrmValueGrant(models.Model):
    """A gift: a coupon, or points, that a customer got for an occasion.

    How to use: `_claim_safely` gives gifts; `crm.value.gift.calendar`, `crm.value.referral.reward` and
    `crm.value.earning.due` decide which.

    How it works: a gift claims its occasion first, and makes its coupon afterwards, in the same transaction. The unique
    key is the memory: a second attempt finds the occasion taken and gives nothing. It is a salted hash of customer,
    benefit and occasion, so that it outlives an erased profile and tells nobody the occasion. The mail follows in a
    transaction of its own.
    """

    _name = "crm.value.grant"
    _description = "Gift"
    _order = "id desc"
    _rec_name = "occasion"

    benefit_id = fields.Many2one(
        "crm.value.benefit",
        ondelete="restrict",
        index="btree_not_null",
        readonly=True,
        help="Empty for a referral reward, for goodwill, and for points",
    )
    earning_id = fields.Many2one(
        "crm.value.earning", string="Way to Earn Points", ondelete="restrict", index="btree_not_null", readonly=True
    )
    draw_id = fields.Many2one("crm.value.draw", ondelete="set null", index="btree_not_null", readonly=True)
    value_id = fields.Many2one(
        "crm.value", string="Customer Value", required=True, ondelete="cascade", index=True, readonly=True
    )
    partner_id = fields.Many2one(related="value_id.partner_id", string="Customer")
    company_id = fields.Many2one(related="value_id.company_id")
    tier_id = fields.Many2one("crm.value.tier", ondelete="set null", readonly=True)
    occasion = fields.Char(string="Occasion Key", required=True, readonly=True)
    occasion_text = fields.Char(string="Occasion", compute="_compute_occasion_text")
    memory_key = fields.Char(readonly=True, copy=False, exportable=False, groups="base.group_system")
    referred_value_id = fields.Many2one("crm.value", string="Referred", ondelete="set null", readonly=True)
    is_goodwill = fields.Boolean(string="Goodwill", readonly=True, help="Given for a complaint")
    date = fields.Date(required=True, readonly=True)
    card_id = fields.Many2one(
        "loyalty.card", string="Coupon", ondelete="set null", index="btree_not_null", readonly=True
    )
    history_id = fields.Many2one(
        "loyalty.history", string="Points Given", ondelete="set null", index="btree_not_null", readonly=True
    )
    points_taken_back = fields.Float(readonly=True)
    program_id = fields.Many2one("loyalty.program", compute="_compute_program_id")
    state = fields.Selection(
        [("given", "Given"), ("cancelled", "Cancelled")], default="given", required=True, readonly=True
    )
    mail_state = fields.Selection(
        [("waiting", "Waiting"), ("sent", "Sent"), ("failed", "Failed")],
        string="Mail",
        default="waiting",
        readonly=True,
        index="btree_not_null",
    )

    _memory_uniq = models.UniqueIndex("(memory_key)", "A customer gets a gift once for an occasion.")
    _referred_uniq = models.UniqueIndex(
        "(referred_value_id, COALESCE(earning_id, 0)) WHERE referred_value_id IS NOT NULL",
        "A referred customer earns one reward.",
    )

    @api.depends("card_id.program_id", "earning_id.program_id")
    def _compute_program_id(self):
        for gift in self:
            gift.program_id = gift.card_id.program_id or gift.earning_id.program_id

    @api.depends("occasion", "benefit_id.occasion", "earning_id.name", "referred_value_id")
    @api.depends_context("lang")
    def _compute_occasion_text(self):
        for gift in self:
            label = gift._label()
            recurs = gift.benefit_id or gift.earning_id and gift.earning_id._event().is_yearly
            # a year, or a quarter
            period = re.search(r" (\d{4}(-Q\d)?)$", gift.occasion) if recurs else None
            gift.occasion_text = " ".join([label[:1].upper() + label[1:], *([period[1]] if period else [])])

    @api.depends("occasion_text")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for gift in self:
            gift.display_name = gift.occasion_text

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        if not self.env.su:
            raise AccessError(self.env._("Gifts are remembered, so that nobody gets one twice."))

    @api.model
    def _cron_gifts(self):
        """Give the dated gifts company by company, then send the waiting mails one by one; commit after each step."""
        Cron, Run = self.env["ir.cron"], self.env["crm.value.run"]
        companies = self.env["res.company"].search([])
        Cron._commit_progress(remaining=len(companies))
        for company in companies:
            try:
                with self.env.cr.savepoint():
                    self.env["crm.value.gift.calendar"]._give_due(company)
                for rule in self.env["crm.value.earning"]._in_use(company, company._value_today()):
                    wishes = self.env["crm.value.earning.due"]._wishes(rule)
                    for start in range(0, len(wishes), _BATCH):
                        with self.env.cr.savepoint():
                            self._claim(wishes[start : start + _BATCH])
                        Cron._commit_progress()
                self.env["crm.value.earning.due"]._settle_referrals(company)
                self.env["crm.value.referral.reward"]._tell_same_payers(company)
                Run._end_alarms(company, ["gift"])
            except Exception as error:
                _logger.exception("Customer value: the gifts of company %s could not be given", company.id)
                Run._record_failure(company, "gift", error)
            Cron._commit_progress(1)
        waiting = self.search([("mail_state", "=", "waiting")], order="id")
        Cron._commit_progress(remaining=len(waiting))
        for gift in waiting:
            gift._send_mail()
            if not Cron._commit_progress(1):
                break

    # giving

    @api.model
    def _claim_safely(self, wishes):
        """Give gifts; an error is logged and the cron tries again, except a conflict of two sessions."""
        try:
            with self.env.cr.savepoint():
                return self._claim(wishes)
        except psycopg2.OperationalError:
            raise
        except Exception:
            _logger.exception("Customer value: gifts could not be given")
            return self.browse()

    @api.model
    def _claim(self, wishes):
        """Give gifts: take their occasions and make their coupons. Occasions that are taken already give nothing.

        :param wishes: list of tuples (benefit, way to earn points, or an empty benefit for a referral reward; value;
            occasion; date; referred value or empty)
        :return: the new gifts
        """
        if not wishes:
            return self.browse()
        self.env.flush_all()
        columns = list(
            zip(
                *[self._prepare_row(*wish) for wish in wishes],
                strict=True,
            )
        )
        rows = self.env.execute_query(
            SQL(
                """
            INSERT INTO crm_value_grant (benefit_id, earning_id, value_id, tier_id, occasion, date, referred_value_id,
                                         memory_key, mail_state, is_goodwill,
                                         state, create_uid, create_date, write_uid, write_date)
            SELECT wish.*, wish.occasion LIKE %s, 'given', %s, now() AT TIME ZONE 'UTC', %s, now() AT TIME ZONE 'UTC'
              FROM unnest(%s::int[], %s::int[], %s::int[], %s::int[], %s::varchar[], %s::date[], %s::int[],
                          %s::varchar[], %s::varchar[])
                   AS wish(benefit_id, earning_id, value_id, tier_id, occasion, date, referred_value_id, memory_key,
                           mail_state)
            ON CONFLICT DO NOTHING
            RETURNING id
            """,
                f"{GOODWILL} %",
                self.env.uid,
                self.env.uid,
                *[list(column) for column in columns],
            )
        )
        gifts = self.browse([row[0] for row in rows])
        earned = gifts.filtered("earning_id")
        self.env["crm.value.earning.card"]._add({gift: gift.earning_id.points for gift in earned})
        (gifts - earned)._make_cards()
        if any(gift.mail_state for gift in gifts):
            # sudo: wakes the cron that sends the mails
            self.env.ref("crm_value_addon.ir_cron_gifts").sudo()._trigger()
        return gifts

    @api.model
    def _prepare_row(self, giver, value, occasion, day, referred):
        """Return the columns of a gift that a wish asks for (see `_claim`)."""
        is_earned = giver._name == "crm.value.earning"
        return (
            None if is_earned else giver.id or None,
            giver.id if is_earned else None,
            value.id,
            value.tier_id.id or None if is_earned else giver.tier_id.id or None,
            occasion,
            day,
            referred.id or None,
            self._memory_key(value.id, False if is_earned else giver.id, occasion),
            None if is_earned and not giver.mail_template_id else "waiting",
        )

    # the memory

    @api.model
    def _memory_key(self, value_id, benefit_id, occasion):
        """Return what remembers that a customer had a gift for an occasion, and tells nobody which."""
        text = f"{value_id} {benefit_id or 0} {occasion}"
        return hmac.new(self._memory_salt().encode(), text.encode(), hashlib.sha256).hexdigest()

    @api.model
    def _memory_salt(self):
        """Return the secret of the keys; a copy of the database keeps it, unlike Odoo's own secret."""
        # sudo: nobody but the addon uses it.
        Parameter = self.env["ir.config_parameter"].sudo()
        salt = Parameter.get_param(_SALT)
        if not salt:
            # Two first gifts at once: the second one waits, and is tried again.
            self.env.cr.execute(
                SQL(
                    """INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)
                       VALUES (%s, %s, %s, now() AT TIME ZONE 'UTC', %s, now() AT TIME ZONE 'UTC')
                       ON CONFLICT DO NOTHING""",
                    _SALT,
                    secrets.token_hex(16),
                    self.env.uid,
                    self.env.uid,
                )
            )
            self.env.registry.clear_cache("stable")
            salt = Parameter.get_param(_SALT)
        return salt

    def _claimed_occasion(self):
        """Return the occasion of a gift, also of an erased profile: it follows from the benefit and the day."""
        self.ensure_one()
        if not self.occasion.startswith(ERASED):
            return self.occasion
        if self.is_goodwill:
            return f"{GOODWILL} of gift {self.id}"
        if not self.benefit_id:
            # what points were for is not known any more: nobody else's key is like it
            return self.occasion if self.earning_id else f"referral {self.referred_value_id.id}"
        kind = self.benefit_id.occasion
        if kind == "drawn":
            return f"drawn {self.date.year}-Q{(self.date.month + 2) // 3}"
        return f"{kind} {self.date.year}" if OCCASIONS[kind].yearly_day else kind

    def _remember(self):
        """Make the keys of these gifts anew; a gift for an occasion that another one stands for keeps its own.

        Needed where gifts went to another customer, or have no key yet.
        """
        self.flush_model()
        keys = {
            self._memory_key(gift.value_id.id, gift.benefit_id.id, gift._claimed_occasion()): gift.id for gift in self
        }
        self.env.cr.execute(
            SQL(
                """UPDATE crm_value_grant gift SET memory_key = made.key
                     FROM unnest(%s::int[], %s::varchar[]) AS made(id, key)
                    WHERE gift.id = made.id AND NOT EXISTS (SELECT FROM crm_value_grant WHERE memory_key = made.key)""",
                list(keys.values()),
                list(keys),
            )
        )
        self.invalidate_recordset(["memory_key"])

    def _make_cards(self):
        # sudo: whoever posts an invoice or a payment need not have rights on coupons
        cards = (
            self.env["loyalty.card"]
            .sudo()
            .with_context(loyalty_no_mail=True, tracking_disable=True)
            .create([gift._prepare_card_vals() for gift in self])
        )
        for gift, card in zip(self, cards, strict=True):
            gift.card_id = card
        self.env["loyalty.history"].sudo().create(
            [
                {
                    "card_id": card.id,
                    "issued": card.points,
                    "description": self.env._("Gift: %(occasion)s", occasion=gift._label()),
                }
                for gift, card in zip(self, cards, strict=True)
            ]
        )

    def _prepare_card_vals(self):
        self.ensure_one()
        benefit, company = self.benefit_id, self.company_id.sudo()  # sudo: reads the rewards in the settings
        program, points, days = benefit.program_id, benefit.gift_points, benefit.gift_days
        if self.is_goodwill:
            program, points = company.value_goodwill_program_id, company.value_goodwill_points
            days = company.value_goodwill_days
        elif not benefit:
            program, points = company.value_referral_program_id, company.value_referral_points
        return {
            "program_id": program.id,
            "partner_id": self.value_id.partner_id.id,
            "points": points,
            "expiration_date": fields.Date.add(self.date, days=days) if days else False,
        }

    def _label(self):
        """Return the occasion in words."""
        self.ensure_one()
        if self.is_goodwill:
            return self.env._("goodwill")
        if self.earning_id:
            return self.earning_id.name
        if not self.benefit_id:
            return self.env._("referral of %(customer)s", customer=self.referred_value_id.partner_id.display_name or "")
        return self.env["crm.value.benefit.text"]._occasion_label(self.benefit_id)

    # taking back

    def _cancel_unused(self):
        """Take back the coupons that were not used yet, and points as far as they were not spent."""
        given = self.filtered(lambda gift: gift.state == "given")
        earned = given.filtered("earning_id")
        self.env["crm.value.earning.card"]._add({gift: -gift.history_id.issued for gift in earned})
        unused = (given - earned).filtered(lambda gift: not gift.card_id.use_count)
        unused.card_id.action_archive()
        (earned | unused).state = "cancelled"

    def _restore(self):
        """Make coupons valid again that were taken back, and give points again."""
        earned = self.filtered("earning_id")
        self.env["crm.value.earning.card"]._add({gift: gift.points_taken_back for gift in earned})
        self.card_id.active = True
        self.state = "given"

    # the mail

    def _send_mail(self):
        """Queue the mail about a coupon: the company's own template, else the program's.

        The program's mail has no PDF where wkhtmltopdf is missing.
        """
        self.ensure_one()
        card = self.card_id
        if (
            self.state != "given"
            or not (card or self.earning_id)
            or not self.env["crm.value.mail"]._is_mailable(self.partner_id)
        ):
            self.mail_state = False
            return
        template = self._mail_template()
        can_print = self.env["ir.actions.report"].get_wkhtmltopdf_state() in ("ok", "upgrade", "workers")
        try:
            with self.env.cr.savepoint():
                if template:
                    template.send_mail(self.id, force_send=False)
                elif card:
                    card.with_context(value_no_report=not can_print)._send_creation_communication()
                self.mail_state = "sent"
        except psycopg2.OperationalError:
            raise
        except Exception:
            _logger.exception("Customer value: the mail about coupon %s could not be made", card.id)
            self.mail_state = "failed"

    def _mail_template(self):
        """Return the company's own template for this gift, empty where the program's mail is sent."""
        self.ensure_one()
        if self.earning_id:
            return self.earning_id.mail_template_id
        occasion = OCCASIONS.get(self.benefit_id.occasion)
        setting = occasion and occasion.mail_setting
        return self.company_id[setting] if setting else self.env["mail.template"]

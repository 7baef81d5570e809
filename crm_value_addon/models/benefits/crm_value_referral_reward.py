from datetime import date

from odoo import api, models
from odoo.tools import SQL


class CrmValueReferralReward(models.AbstractModel):
    """The reward for a referral, once the referred customer's first invoice is posted."""

    _name = "crm.value.referral.reward"
    _description = "Customer Value: Referral Rewards"

    @api.model
    def _reward_stored(self, basis, partner_ids):
        """Give the rewards for customers whose figures were just stored.

        :param partner_ids: int array of shape (n,), sorted
        """
        if basis.company.value_referral_program_id and len(partner_ids):
            self._reward(basis.company, basis.as_of, partner_ids.tolist())

    @api.model
    def _reward(self, company, as_of, partner_ids):
        """Give the rewards for these referred customers, and take unused ones back where all was credited since."""
        # sudo: users have no rights to give gifts
        Grant, Value = self.env["crm.value.grant"].sudo(), self.env["crm.value"].sudo()
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
            SELECT referred.id, referrer.commercial_partner_id, gift.id, gift.state,
                   referred.purchase_count > 0 AND referred.first_purchase_date >= %(since)s,
                   %(is_early)s OR referred.first_purchase_date < %(gifts_from)s
              FROM crm_value referred
              JOIN res_partner partner ON partner.id = referred.partner_id
              JOIN res_partner referrer ON referrer.id = partner.referred_by_id
              LEFT JOIN crm_value_grant gift ON gift.referred_value_id = referred.id AND gift.earning_id IS NULL
             WHERE referred.company_id = %(company)s AND referred.partner_id = ANY(%(partners)s)
               AND (referred.purchase_count > 0 OR gift.id IS NOT NULL)
            """,
                company=company.id,
                partners=partner_ids,
                since=company.value_referral_since or as_of,
                is_early=company._value_is_early(as_of),
                gifts_from=company.value_gifts_from or date.min,
            )
        )
        earned = [
            (value_id, referrer_id)
            for value_id, referrer_id, gift_id, _state, is_earned, is_early in rows
            if is_earned and not gift_id and not is_early
        ]
        if earned:
            value_of = self._ensure_values(company, [referrer_id for _value, referrer_id in earned])
            Grant._claim_safely(
                [
                    (
                        self.env["crm.value.benefit"],
                        value_of[referrer_id],
                        f"referral {value_id}",
                        as_of,
                        Value.browse(value_id),
                    )
                    for value_id, referrer_id in earned
                ]
            )
        bought = {gift_id: is_earned for _value, _referrer, gift_id, _state, is_earned, _is_early in rows if gift_id}
        gifts = Grant.browse(bought)
        gifts.filtered(lambda gift: not bought[gift.id])._cancel_unused()
        gifts.filtered(lambda gift: bought[gift.id] and gift.state == "cancelled")._restore()

    @api.model
    def _ensure_values(self, company, partner_ids):
        """Return the values of commercial partners, and create missing ones: partner id → value."""
        Value = self.env["crm.value"].sudo()  # sudo: users have no rights to write values
        values = Value.search([("company_id", "=", company.id), ("partner_id", "in", partner_ids)])
        missing = sorted(set(partner_ids) - set(values.partner_id.ids))
        values += Value.create([{"partner_id": partner_id, "company_id": company.id} for partner_id in missing])
        return {value.partner_id.id: value for value in values}

from datetime import date

from odoo import api, models
from odoo.tools import SQL


class CrmValueReferralReward(models.AbstractModel):
    """The reward for a referral, once the referred customer's first invoice is posted.

    Whoever pays from the bank account of the customer that referred it may be that customer itself: there is no reward,
    and the cron of the gifts tells the salesperson.
    """

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
                   %(is_early)s OR referred.first_purchase_date < %(gifts_from)s OR %(same_payer)s
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
                same_payer=self._where_same_payer(),
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
    def _where_same_payer(self):
        """Return the condition that a value ``referred`` and a contact ``referrer`` have a bank account in common."""
        return SQL(
            """EXISTS (SELECT FROM res_partner_bank account
                         JOIN res_partner owner ON owner.id = account.partner_id
                         JOIN res_partner_bank other ON other.sanitized_acc_number = account.sanitized_acc_number
                         JOIN res_partner other_owner ON other_owner.id = other.partner_id
                        WHERE owner.commercial_partner_id = referred.partner_id
                          AND other_owner.commercial_partner_id = referrer.commercial_partner_id)"""
        )

    @api.model
    def _tell_same_payers(self, company):
        """Tell the salespeople, once each, of referred customers who pay from their referrer's bank account."""
        if not company.value_referral_program_id:
            return
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """SELECT referred.partner_id, referrer.id
                     FROM crm_value referred
                     JOIN res_partner partner ON partner.id = referred.partner_id
                     JOIN res_partner referrer ON referrer.id = partner.referred_by_id
                    WHERE referred.company_id = %s AND referred.purchase_count > 0
                      AND referred.first_purchase_date >= %s AND %s
                      AND NOT EXISTS (SELECT FROM crm_value_grant gift WHERE gift.referred_value_id = referred.id)
                    ORDER BY referred.id""",
                company.id,
                company.value_referral_since or date.min,
                self._where_same_payer(),
            )
        )
        Partner = self.env["res.partner"]
        for referred, referrer in [(Partner.browse(one), Partner.browse(other)) for one, other in rows]:
            self._tell_same_payer(company, referred, referrer)

    @api.model
    def _tell_same_payer(self, company, referred, referrer):
        """Ask a salesperson to look at a referral; done or not, nobody is asked a second time."""
        summary = self.env._("Referral of %(customer)s", customer=referred.display_name)
        asked = self.env["mail.activity"].with_context(active_test=False)
        if asked.search_count(
            [("res_model", "=", "res.partner"), ("res_id", "=", referrer.id), ("summary", "=", summary)], limit=1
        ):
            return
        Assignee = self.env["crm.value.followup.assignee"]
        user = referrer.user_id or referrer.commercial_partner_id.user_id or Assignee._sales_manager(company)
        referrer.activity_schedule(
            "mail.mail_activity_data_todo",
            user_id=user.id or self.env.uid,
            summary=summary,
            note=self.env._(
                "%(customer)s pays from the same bank account as this customer, which referred it. There is no reward.",
                customer=referred.display_name,
            ),
        )

    @api.model
    def _ensure_values(self, company, partner_ids):
        """Return the values of commercial partners, and create missing ones: partner id → value."""
        Value = self.env["crm.value"].sudo()  # sudo: users have no rights to write values
        values = Value.search([("company_id", "=", company.id), ("partner_id", "in", partner_ids)])
        missing = sorted(set(partner_ids) - set(values.partner_id.ids))
        values += Value.create([{"partner_id": partner_id, "company_id": company.id} for partner_id in missing])
        return {value.partner_id.id: value for value in values}

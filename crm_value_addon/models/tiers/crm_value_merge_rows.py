from odoo import api, models
from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

from ..refresh.said import Name

_lt = LazyTranslate(__name__)

#: sums of a month's end; of the other columns, the customer that remains keeps its own
_SUMS = (
    "clv",
    "equity",
    "transaction_value",
    "growth_value",
    "referral_value",
    "knowledge_value",
    "service_cost",
    "realised_value",
    "revenue_12m",
    "expected_purchases",
)


class CrmValueMergeRows(models.AbstractModel):
    """Settles what a customer has only one of, row by row, before the rows of several values become those of one.

    How to use: `_settle`, before Odoo's generic step hands over every row that refers to a value. That step knows no
    partial index, and deletes all rows of a table where one of them collides.

    How it works: a table with a unique constraint or index over a reference to a value stands in `_settlers`, and a
    test finds a table that does not.
    """

    _name = "crm.value.merge.rows"
    _description = "Customer Value: Rows of Merged Customers"

    @api.model
    def _settlers(self):
        """Return who settles the rows of which table: name of the table → name of the method."""
        return {
            "crm_value_snapshot": "_add_up_month_ends",
            "crm_value_tier_lock": "_keep_one_lock",
            "crm_value_caution_override": "_keep_one_caution",
            "crm_value_grant": "_hand_over_gifts",
            "crm_value_followup": "_hand_over_followups",
            "crm_value_mail": "_drop_repeated_mails",
        }

    @api.model
    def _settle(self, sources, target):
        """Settle the rows of values that become one.

        :param sources: the values that will be gone
        :param target: the value that remains
        """
        for name in self._settlers().values():
            getattr(self, name)(sources, target)
        self.env.flush_all()
        self.env.invalidate_all()

    # month ends

    @api.model
    def _add_up_month_ends(self, sources, target):
        for source in sources:
            self._add_up_month_ends_of(source, target)

    @api.model
    def _add_up_month_ends_of(self, source, target):
        """Add the month ends of a value to those of another; hand over the others."""
        self.env.cr.execute(
            SQL(
                """
                UPDATE crm_value_snapshot kept
                   SET %(sums)s,
                       probability_alive = COALESCE(
                           1 - (1 - kept.probability_alive) * (1 - given.probability_alive),
                           kept.probability_alive, given.probability_alive),
                       expected_spend = COALESCE(
                           (kept.expected_spend * kept.expected_purchases
                            + given.expected_spend * given.expected_purchases)
                           / NULLIF(kept.expected_purchases + given.expected_purchases, 0),
                           GREATEST(kept.expected_spend, given.expected_spend)),
                       tier_id = (SELECT tier.id FROM crm_value_tier tier
                                   WHERE tier.id IN (kept.tier_id, given.tier_id)
                                   ORDER BY tier.sequence DESC, tier.id DESC LIMIT 1),
                       source_id = COALESCE(kept.source_id, given.source_id),
                       lifecycle_stage = COALESCE(kept.lifecycle_stage, given.lifecycle_stage),
                       method = COALESCE(kept.method, given.method),
                       is_reconstructed = kept.is_reconstructed IS TRUE OR given.is_reconstructed IS TRUE
                  FROM crm_value_snapshot given
                 WHERE kept.value_id = %(target)s AND given.value_id = %(source)s
                   AND kept.as_of_date = given.as_of_date
                """,
                sums=SQL(", ").join(
                    SQL(
                        "%(column)s = COALESCE(kept.%(column)s + given.%(column)s, kept.%(column)s, given.%(column)s)",
                        column=SQL.identifier(name),
                    )
                    for name in _SUMS
                ),
                target=target.id,
                source=source.id,
            )
        )
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM crm_value_snapshot given USING crm_value_snapshot kept
                 WHERE kept.value_id = %s AND given.value_id = %s AND kept.as_of_date = given.as_of_date
                """,
                target.id,
                source.id,
            )
        )
        self.env.cr.execute(
            SQL("UPDATE crm_value_snapshot SET value_id = %s WHERE value_id = %s", target.id, source.id)
        )

    # decisions of people

    @api.model
    def _kept(self, decisions, target):
        """Return the one of several decisions that stays: one in force, the target's own, the latest one."""
        return max(
            decisions,
            key=lambda one: (one in one.value_id._in_force(one), one.value_id == target, one.id),
            default=decisions,
        )

    @api.model
    def _keep_one_lock(self, sources, target):
        """End all locks but one."""
        locks = (sources | target).tier_lock_ids
        (locks - self._kept(locks, target))._end(decide=False)

    @api.model
    def _keep_one_caution(self, sources, target):
        """End all words about caution but one."""
        overrides = (sources | target).caution_override_ids
        (overrides - self._kept(overrides, target))._end()

    # what was given and asked

    @api.model
    def _hand_over_gifts(self, sources, target):
        """Hand over all gifts: what was given stays given, and what was given to one is not given again.

        A customer that was referred, and rewarded, twice keeps the first reward in mind; the second coupon stays, too.
        """
        values = sources | target
        # sudo: nobody has rights to write gifts.
        Grant = self.env["crm.value.grant"].sudo()
        gifts = Grant.search([("value_id", "in", sources.ids)], order="id")
        gifts.value_id = target
        rewards = Grant.search([("referred_value_id", "in", values.ids)], order="id")
        for of_giver in rewards.grouped("earning_id").values():
            of_giver[1:].referred_value_id = False
            of_giver.flush_recordset()  # the unique index admits one of them at a time
            of_giver[:1].referred_value_id = target
        gifts._remember()

    @api.model
    def _hand_over_followups(self, sources, target):
        """Close the second open follow-up of a rule, with its activity; keep all that ended, for their measurement."""
        values = sources | target
        # sudo: nobody has rights to write follow-ups, and they may be another user's.
        Followup = self.env["crm.value.followup"].sudo()
        open_ones = Followup.search([("value_id", "in", values.ids), ("state", "=", "open")])
        second = Followup
        for of_rule in open_ones.grouped("rule_id").values():
            second += of_rule - (of_rule.filtered(lambda one: one.value_id == target) or of_rule)[:1]
        if second:
            reason = _lt("merged with %(customer)s", customer=Name.of(target.partner_id))
            second._close(target.company_id._value_today(), reason)
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                UPDATE crm_value_followup twice SET occasion = twice.occasion || ' ' || twice.id
                 WHERE twice.value_id = ANY(%(sources)s)
                   AND EXISTS (SELECT FROM crm_value_followup first
                                WHERE first.value_id = ANY(%(values)s) AND first.rule_id = twice.rule_id
                                  AND first.occasion = twice.occasion
                                  AND (first.value_id = %(target)s OR first.id < twice.id))
                """,
                sources=sources.ids,
                values=values.ids,
                target=target.id,
            )
        )

    @api.model
    def _drop_repeated_mails(self, sources, target):
        """Drop the mails about an occasion that another of these customers was told of, too."""
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM crm_value_mail twice
                 WHERE twice.value_id = ANY(%(sources)s)
                   AND EXISTS (SELECT FROM crm_value_mail first
                                WHERE first.value_id = ANY(%(values)s) AND first.kind = twice.kind
                                  AND first.occasion = twice.occasion
                                  AND (first.value_id = %(target)s OR first.id < twice.id))
                """,
                sources=sources.ids,
                values=(sources | target).ids,
                target=target.id,
            )
        )

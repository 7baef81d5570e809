from collections import Counter
from typing import NamedTuple

from odoo import api, models
from odoo.tools import SQL, hmac, split_every

from ...lib.uplift import is_in_control_group

#: customers per transaction
BATCH = 1000


class Plan(NamedTuple):
    """What a rule does today to some of those who are due."""

    #: list of `DueCustomer` for whom there is somebody who has a place left today
    placed: list
    #: dict value id → res.users who get the activities, or would get them
    user_of: dict
    #: value ids of those among the placed who are held out
    control: set
    #: how many wait for another day
    waiting: int
    #: dict value id → code of the action by which the customer is reached
    channel_of: dict


class CrmValueFollowupPlan(models.AbstractModel):
    """Decides what a rule does today with the customers who are due: who gets the call, who waits, who is held out.

    How to use: `_plan(rule, company, due)` yields a `Plan` per batch. The run carries it out, the preview shows it.

    How it works: nothing may tell the two groups apart but the draw. So the order, the user and the place in that
    user's day are found for all alike. Only then the draw decides who is held out, and whoever is takes the place of
    the call that the user would have got. Whoever has no place today is in neither group.
    """

    _name = "crm.value.followup.plan"
    _description = "Follow-ups: Plan of a Day"

    @api.model
    def _plan(self, rule, company, due, size=BATCH):
        """Yield what a rule does today, a batch of customers at a time; the preview shows the same.

        :param due: list of `DueCustomer`, one per customer, in order
        :param size: customers in a batch
        """
        Assignee, Action = self.env["crm.value.followup.assignee"], self.env["crm.value.followup.action"]
        given, turn = self._given_today(company), Assignee._team_in_turn(rule, company)
        for batch in split_every(size, due, list):
            channel_of = Action._channels(rule, company, batch)
            user_of = Assignee._assign(rule, company, batch, turn)
            user_of = self._within_cap(company, batch, user_of, given, channel_of)
            placed = [row for row in batch if row.value_id in user_of]
            yield Plan(placed, user_of, self._draw(rule, placed), len(batch) - len(placed), channel_of)

    @api.model
    def _draw(self, rule, placed):
        """Return the value ids of those who are held out, by a secret that no seller knows."""
        held_out = self._draw_partners(rule, rule.holdout_percent, {row.partner_id for row in placed})
        return {row.value_id for row in placed if row.partner_id in held_out}

    @api.model
    def _draw_partners(self, rule, percent, partner_ids):
        """Return the ids of the customers whom a rule, or what it stands for, holds out."""
        if not percent:
            return set()
        # sudo: nobody but the system reads the secret of the database.
        secret = hmac(self.env(su=True), "crm_value_addon.followup", rule.id).encode()
        return {one for one in partner_ids if is_in_control_group(secret, rule.id, one, percent)}

    @api.model
    def _given_today(self, company):
        """Return how many places in their day users have given away: Counter by user id."""
        self.env["crm.value.followup"].flush_model()
        return Counter(
            dict(
                self.env.execute_query(
                    SQL(
                        """SELECT user_id, count(*) FROM crm_value_followup
                            WHERE company_id = %s AND date = %s AND user_id IS NOT NULL AND channel = ANY(%s)
                            GROUP BY user_id""",
                        company.id,
                        company._value_today(),
                        self.env["crm.value.followup.action"]._work(),
                    )
                )
            )
        )

    @api.model
    def _within_cap(self, company, due, user_of, given, channel_of):
        """Return the users of those for whom they have a place left today; count the places in `given`.

        What nobody has to do, a message for instance, takes no place and needs no user.
        """
        cap, work = company.value_followup_cap, self.env["crm.value.followup.action"]._work()
        within = {}
        for row in due:
            user = user_of[row.value_id]
            if channel_of[row.value_id] not in work:
                within[row.value_id] = user
            elif user and (not cap or given[user.id] < cap):
                given[user.id] += 1
                within[row.value_id] = user
        return within

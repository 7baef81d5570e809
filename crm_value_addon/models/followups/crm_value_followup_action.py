import logging

import psycopg2

from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools.translate import LazyTranslate

from ..refresh.said import Name, SaidError, describe_error
from .actions import ACTIONS

_lt = LazyTranslate(__name__)
_logger = logging.getLogger(__name__)


class CrmValueFollowupAction(models.AbstractModel):
    """Does what rules say with the customers who are due.

    How to use: `_channels` tells by which action each customer is reached; `_write` writes what customers will read,
    before anything is drawn or stored; `_act` does it, in the transaction that stores the follow-ups.

    How it works: for each action a method `_do_<code>(rule, company, deadline, due, user_of, followup_ids, written)`
    does it for all customers of a batch. It returns those for whom it failed: dict value id → reason. What else is
    known of an action is a row in `actions.py`. Follow-ups and messages are stored in one transaction, and Odoo's own
    queues send: a run that is killed has sent nothing, or remembers it.
    """

    _name = "crm.value.followup.action"
    _description = "Follow-ups: Actions"

    @api.model
    def _actions(self):
        """Hook: the table of actions by code; another module adds its rows."""
        return ACTIONS

    @api.model
    def _action(self, rule):
        return self._actions()[rule.action_type]

    @api.model
    def _work(self):
        """Return the codes of the actions that somebody has to do."""
        return [code for code, action in self._actions().items() if action.is_work]

    @api.model
    def _messages(self):
        """Return the codes of the actions by which something is written to customers."""
        return [code for code, action in self._actions().items() if action.message and not action.is_place]

    @api.model
    def _lasting(self):
        """Return the codes of the actions whose follow-ups stay open until their reason is gone."""
        return [code for code, action in self._actions().items() if action.is_work or action.is_lasting]

    @api.model
    def _check(self, rule):
        """Refuse a rule that cannot do what it says.

        :raise UserError: what it needs was deleted, or it would send something from a neutralised copy
        """
        action = self._action(rule)
        if action.needs and not rule[action.needs]:
            raise SaidError(
                self.env,
                _lt(
                    "%(rule)s is stopped: it needs %(what)s, and the one it had is gone.",
                    rule=Name.of(rule),
                    what=action.needs_label,
                ),
            )
        if action.message or action.by_preference:
            self.env["crm.value.manners"]._check_may_send()

    @api.model
    def _constrained_fields(self):
        """Return the fields of a rule that decide whether it can do what it says."""
        return [
            "action_type",
            *(action.needs for action in self._actions().values()),
            "message_kind_id",
            "target",
            "responsible_type",
            "user_id",
            "team_id",
        ]

    @api.model
    def _check_loop(self, rule):
        """Refuse a rule whose server action launches it again.

        :raise ValidationError: it does
        """
        actions = rule.server_action_id if rule.action_type == "server" else rule.server_action_id.browse()
        seen = actions.browse()
        while actions:
            if rule in actions.value_followup_rule_id:
                raise ValidationError(
                    self.env._(
                        "%(rule)s: its server action “%(action)s” launches the rule itself.",
                        rule=rule.name,
                        action=rule.server_action_id.name,
                    )
                )
            seen |= actions
            actions = (actions.child_ids | actions.value_followup_rule_id.server_action_id) - seen

    # before the draw

    @api.model
    def _channels(self, rule, company, due):
        """Return by which action each due customer is reached: dict value id → code."""
        if not self._action(rule).by_preference:
            return dict.fromkeys((row.value_id for row in due), rule.action_type)
        return self.env["crm.value.preference"]._channels(rule, company, due, self._usable(rule))

    @api.model
    def _usable(self, rule):
        """Return the codes of the messages among which a rule leaves the choice to the customer."""
        if not self._action(rule).by_preference:
            return []
        ways = dict(self.env["res.partner"]._fields["preferred_channel"].selection)
        return [code for code in self._messages() if code in ways and rule[self._actions()[code].needs]]

    @api.model
    def _write(self, rule, company, placed, channel_of):
        """Write what the customers will read, the control group's included: nothing but the draw tells them apart.

        :return: dict value id → what `_do_<code>` sends; dict value id → why there is nothing to send
        """
        written, failed = {}, {}
        for code in self._messages():
            rows = [row for row in placed if channel_of[row.value_id] == code]
            if rows:
                done, not_done = getattr(self, f"_write_{code}")(rule, company, rows)
                written |= done
                failed |= not_done
        return written, failed

    @api.model
    def _write_mail(self, rule, company, due):
        return self.env["crm.value.message"]._write(rule, rule.mail_template_id, company, due)

    # doing it

    @api.model
    def _act(self, rule, company, deadline, due, plan, followup_ids, written):
        """Do what the rule says; forget the follow-ups of those for whom it failed, so that they come again.

        :param due: list of `DueCustomer`, without the control group
        :param dict followup_ids: value id → id of the follow-up
        :return: dict value id → why it failed
        """
        failed = {}
        for code in dict.fromkeys(plan.channel_of[row.value_id] for row in due):
            rows = [row for row in due if plan.channel_of[row.value_id] == code]
            failed |= getattr(self, f"_do_{code}")(rule, company, deadline, rows, plan.user_of, followup_ids, written)
        # sudo: only the machine may write follow-ups.
        self.env["crm.value.followup"].sudo().browse([followup_ids[value_id] for value_id in failed]).unlink()
        return failed

    @api.model
    def _do_activity(self, rule, company, deadline, due, user_of, followup_ids, _written):
        self.env["crm.value.followup.activity"]._create(rule, company, deadline, due, user_of, followup_ids)
        return {}

    _do_plan = _do_activity

    @api.model
    def _end(self, followups):
        """Take back what lasts as long as a follow-up is open, for instance a place in a list."""
        for code, ended in followups.grouped("channel").items():
            end = getattr(self, f"_end_{code}", None)
            if end:
                end(ended)

    @api.model
    def _do_mail(self, rule, company, _deadline, due, _user_of, followup_ids, written):
        self.env["crm.value.message"]._queue_mails(rule, company, due, followup_ids, written)
        return {}

    @api.model
    def _do_gift(self, rule, company, _deadline, due, _user_of, _followup_ids, _written):
        """Give the rule's gift for the occasion; the memory of gifts gives none twice."""
        today, none = company._value_today(), self.env["crm.value"]
        # sudo: gifts are given by the machine alone.
        values = none.sudo().browse([row.value_id for row in due])
        self.env["crm.value.grant"].sudo()._claim(
            [
                (rule.gift_id, value, f"rule {rule.id} {row.occasion}", today, none.sudo())
                for value, row in zip(values, due, strict=True)
            ]
        )
        return {}

    @api.model
    def _do_server(self, rule, _company, _deadline, due, _user_of, _followup_ids, _written):
        """Run the server action for all at once; where that fails, one by one, so that the others get theirs."""
        if self._attempt(rule, due) is None:
            return {}
        failed = {}
        for row in due:
            reason = self._attempt(rule, [row])
            if reason is not None:
                failed[row.value_id] = reason
        return failed

    @api.model
    def _attempt(self, rule, due):
        """Run the server action of a rule; return why it failed, None when it did not."""
        action = rule.server_action_id
        # The text of an error may be asked for after the transaction went on: it is made here.
        ids = [row.value_id if action.model_name == "crm.value" else row.partner_id for row in due]
        context = {"active_model": action.model_name, "active_ids": ids, "active_id": ids[0]}
        try:
            with self.env.cr.savepoint():
                action.with_context(**context).run()
                self.env.flush_all()
        except psycopg2.OperationalError:
            raise
        except Exception as error:
            _logger.info("Follow-up rule %s: its server action failed", rule.id, exc_info=True)
            return describe_error(error)
        return None

    # names

    @api.model
    def _describe_failures(self, failed):
        """Return the sentences that say for which customers a rule did nothing, and why; the first few by name."""
        values = self.env["crm.value"].browse(list(failed)[:5])
        notes = [
            _lt("%(customer)s: %(reason)s", customer=value.partner_id.display_name, reason=failed[value.id])
            for value in values
        ]
        if len(failed) > len(notes):
            notes.append(_lt("and %(count)s more", count=len(failed) - len(notes)))
        return notes

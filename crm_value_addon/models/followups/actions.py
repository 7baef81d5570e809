"""The table of actions: all facts about what a rule may do, except how it is done.

How to add an action: a row here, and the method `_do_<code>` in `crm_value_followup_action.py` (of a message, also
`_write_<code>`). Another module overrides `_actions` of `crm.value.followup.action`, adds its code to the selection of
the rule, and extends that service with its methods.
"""

from dataclasses import dataclass

from odoo.tools.translate import LazyGettext, LazyTranslate

_lt = LazyTranslate(__name__)


@dataclass(frozen=True, eq=False)
class Action:
    """A row of the table."""

    #: value of the rule's field `action_type`
    code: str
    #: Odoo translates it as the label of the selection
    label: str
    #: field of the rule that the action needs, and how the rule's form calls what is missing
    needs: str | None = None
    needs_label: LazyGettext | None = None
    #: whether somebody has to do it: the follow-up stays open, and takes a place in that user's day
    is_work: bool = False
    #: the way by which the customer hears of it, with manners of its own: "mail" or "sms"; None: it hears nothing
    message: str | None = None
    #: whether the customer is put somewhere, from where others write to it: nothing is written now
    is_place: bool = False
    #: whether the follow-up stays open, without work, until its reason is gone (`_end_<code>` takes back what was done)
    is_lasting: bool = False
    #: whether each customer gets the one of the other actions that it prefers
    by_preference: bool = False


ACTIONS = {
    action.code: action
    for action in (
        Action("activity", "One activity", needs="activity_type_id", needs_label=_lt("an activity type"), is_work=True),
        Action("plan", "An activity plan", needs="plan_id", needs_label=_lt("an activity plan"), is_work=True),
        Action(
            "mail",
            "An e-mail to the customer",
            needs="mail_template_id",
            needs_label=_lt("an e-mail template"),
            message="mail",
        ),
        Action("gift", "A gift", needs="gift_id", needs_label=_lt("a gift")),
        Action(
            "server",
            "A server action or webhook",
            needs="server_action_id",
            needs_label=_lt("a server action"),
        ),
        Action(
            "preferred",
            "As the customer prefers",
            needs="activity_type_id",
            needs_label=_lt("an activity type"),
            by_preference=True,
        ),
    )
}

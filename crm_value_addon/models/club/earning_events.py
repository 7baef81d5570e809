"""The table of events that bring points: all facts about them, except the SELECT of who did what.

How to add an event: a row here, and `_select_<code>` in `crm_value_earning_due.py`. Another module overrides `_events`
of `crm.value.earning`, and adds its code to the selection `event`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class EarningEvent:
    """A row of the table."""

    #: value of the field `event`
    code: str
    #: Odoo translates it as the label of the selection
    label: str
    #: model without which there is nothing to earn
    needs: str | None = None
    #: whether it comes again each year
    is_yearly: bool = False
    #: whether a customer does it once in its life
    is_once: bool = False
    #: whether it lies as long back as the rule looks, because it becomes known later than it happens
    is_late: bool = False


EVENTS = {
    row.code: row
    for row in (
        EarningEvent("profile", "Completing the profile", is_once=True),
        EarningEvent("referral", "A referred customer's first purchase", is_late=True),
        EarningEvent("birthday", "Birthday", is_yearly=True),
        EarningEvent("anniversary", "Anniversary of the first purchase", is_yearly=True),
        EarningEvent("holiday", "A date of the year", is_yearly=True),
        EarningEvent("review", "A review", needs="rating.rating"),
        EarningEvent("survey", "An answered survey", needs="survey.user_input"),
    )
}

"""The table of triggers: all facts about a trigger, except the SELECT of the customers whom it concerns.

How to add a trigger: a row here, the method `_due_<code>` in `crm_value_followup_trigger.py` (or in the service that
the row names), and a ready-made rule in
`data/crm_value_followup_rule_data.xml`. Another module overrides `_triggers` of `crm.value.followup.trigger`, and adds
its code to the selection of the rule.
"""

from dataclasses import dataclass

from odoo.tools.translate import LazyGettext, LazyTranslate

_lt = LazyTranslate(__name__)


@dataclass(frozen=True, eq=False)
class Trigger:
    """A row of the table."""

    #: value of the rule's field `trigger`
    code: str
    #: Odoo translates it as the label of the selection
    label: str
    #: what the rule's number of days means; None when the trigger ignores it
    days_hint: LazyGettext | None = None
    #: what {detail} stands for in a rule's texts
    detail_hint: LazyGettext | None = None
    #: what closes an open follow-up: the customer is not due any more, or this occasion is not; None: nothing does
    closes_by: str | None = None
    #: why it was closed
    resolution: LazyGettext = _lt("the reason is gone")
    #: whether a purchase made since then explains the closing
    ends_with_purchase: bool = False
    #: whether an order under way, or a down payment, since the last purchase says that the customer is not silent
    ends_with_order: bool = False
    #: model of the record that caused it, which the activity can be put on
    document_model: str | None = None
    #: whether the customer is gone: whoever brings most by coming back comes first
    is_return: bool = False
    #: whether whoever does the follow-up is asked why the customer leaves
    asks_why: bool = False
    #: the service whose `_due_<code>` selects the customers
    service: str = "crm.value.followup.trigger"
    #: field of the rule without which the trigger means nothing
    needs: str | None = None
    #: whether a rule's tier also admits whoever left that tier within a year
    admits_former_tier: bool = False


#: the service of the triggers that the rule describes further
_CHOICES = "crm.value.followup.reason"
_COMPLAINTS = "crm.value.followup.complaint"

TRIGGERS = {
    trigger.code: trigger
    for trigger in (
        Trigger(
            "tier_gained",
            "Tier gained",
            detail_hint=_lt("the new tier"),
            closes_by="occasion",
            resolution=_lt("the customer no longer has this tier"),
        ),
        Trigger(
            "tier_lost",
            "Tier lost",
            detail_hint=_lt("the tier it had"),
            closes_by="occasion",
            resolution=_lt("the customer has its tier again"),
            asks_why=True,
            admits_former_tier=True,
        ),
        Trigger(
            "tier_in_danger",
            "Tier about to be lost",
            days_hint=_lt("days before the tier is lost"),
            closes_by="customer",
            resolution=_lt("the tier is kept, or already lost"),
        ),
        Trigger(
            "near_next_tier",
            "Near the next tier",
            detail_hint=_lt("what is missing for the next tier"),
            closes_by="customer",
            resolution=_lt("the next tier is reached, or out of reach"),
        ),
        Trigger(
            "at_risk",
            "At risk of leaving",
            closes_by="customer",
            ends_with_purchase=True,
            ends_with_order=True,
            resolution=_lt("the customer is no longer at risk"),
            asks_why=True,
        ),
        Trigger(
            "lost",
            "Just lost",
            days_hint=_lt("days: only customers lost within them"),
            closes_by="customer",
            ends_with_purchase=True,
            ends_with_order=True,
            is_return=True,
            asks_why=True,
            admits_former_tier=True,
        ),
        Trigger(
            "purchase_overdue",
            "Expected purchase overdue",
            days_hint=_lt("days after the purchase was expected"),
            closes_by="customer",
            ends_with_purchase=True,
            ends_with_order=True,
        ),
        Trigger(
            "first_purchase",
            "First purchase",
            days_hint=_lt("days after the first purchase"),
            closes_by="occasion",
            resolution=_lt("the purchase was returned"),
        ),
        Trigger(
            "after_purchase",
            "Some days after an invoice",
            days_hint=_lt("days after the invoice"),
            closes_by="occasion",
            resolution=_lt("the purchase was returned"),
            document_model="sale.order",
        ),
        Trigger("anniversary", "Anniversary of the first purchase", days_hint=_lt("days before the anniversary")),
        Trigger(
            "birthday",
            "Birthday",
            days_hint=_lt("days before the birthday"),
            detail_hint=_lt("the person"),
            document_model="res.partner",
        ),
        Trigger(
            "no_contact",
            "No contact for long",
            closes_by="customer",
            ends_with_purchase=True,
            days_hint=_lt("days without contact, where the relationship strategy says nothing"),
            resolution=_lt("there was a contact"),
        ),
        Trigger("low_rating", "Low rating", detail_hint=_lt("what the customer wrote")),
        Trigger(
            "opportunity_stalled",
            "Opportunity standing still",
            days_hint=_lt("days without a change of stage"),
            detail_hint=_lt("the opportunity"),
            closes_by="occasion",
            resolution=_lt("the opportunity moved on"),
            document_model="crm.lead",
        ),
        Trigger(
            "service_due",
            "Service of a product due",
            days_hint=_lt("days before the service is due"),
            detail_hint=_lt("the product"),
            closes_by="occasion",
            ends_with_purchase=True,
            resolution=_lt("the product was returned"),
        ),
        Trigger(
            "product_replaced",
            "Product replaced",
            detail_hint=_lt("the product and what replaces it"),
            closes_by="occasion",
            resolution=_lt("the product is sold again"),
        ),
        Trigger(
            "product_due",
            "Product due",
            days_hint=_lt("days after it was expected again"),
            detail_hint=_lt("the product or category"),
            closes_by="occasion",
            resolution=_lt("it was bought again, or is lost"),
        ),
        Trigger(
            "product_lost",
            "Product lost",
            days_hint=_lt("days: only what was expected within them; 0: all"),
            detail_hint=_lt("the product or category"),
            closes_by="occasion",
            resolution=_lt("it was bought again, or dismissed"),
        ),
        Trigger(
            "category_falls",
            "Revenue with a category falls",
            detail_hint=_lt("the product or category"),
            closes_by="occasion",
            resolution=_lt("the revenue has recovered"),
        ),
        Trigger("contact_gone", "Main contact gone", detail_hint=_lt("the person"), closes_by="occasion"),
        Trigger("single_contact", "Known through one contact only", closes_by="customer"),
        Trigger(
            "record_incomplete",
            "Record of the customer incomplete",
            closes_by="customer",
            resolution=_lt("enough is known of the customer"),
        ),
        Trigger(
            "decider_unknown",
            "Nobody known who decides",
            closes_by="customer",
            resolution=_lt("somebody is known who decides"),
        ),
        Trigger(
            "stage_reached",
            "Stage of the life cycle reached",
            days_hint=_lt("days: only customers who reached it within them; 0: all who are in it"),
            closes_by="customer",
            ends_with_purchase=True,
            resolution=_lt("the customer is in another stage"),
            service=_CHOICES,
            needs="stage",
        ),
        Trigger(
            "figure_changed",
            "A figure falls or rises",
            closes_by="customer",
            resolution=_lt("the figure is back"),
            service=_CHOICES,
            needs="figure",
        ),
        Trigger(
            "date_field",
            "A date of the contact or its records",
            days_hint=_lt("days before or after it"),
            detail_hint=_lt("the name of the date"),
            service=_CHOICES,
            needs="date_field",
        ),
        Trigger(
            "holiday",
            "Holiday of the customer's country",
            days_hint=_lt("days before the holiday"),
            detail_hint=_lt("the holiday"),
            service=_CHOICES,
        ),
        Trigger(
            "feedback",
            "Feedback entered",
            days_hint=_lt("days after the feedback"),
            detail_hint=_lt("what was said"),
            service=_CHOICES,
        ),
        Trigger(
            "salesperson_changed",
            "Salesperson changed",
            days_hint=_lt("days after the change"),
            detail_hint=_lt("the old and the new salesperson"),
            closes_by="occasion",
            resolution=_lt("the customer has another salesperson again"),
            service=_CHOICES,
        ),
        Trigger(
            "complaint_late",
            "Complaint not answered in time",
            days_hint=_lt("days after its deadline"),
            detail_hint=_lt("what was said"),
            closes_by="occasion",
            resolution=_lt("the complaint was answered"),
            service=_COMPLAINTS,
        ),
        Trigger(
            "complaint_solved",
            "Complaint answered",
            days_hint=_lt("days after the answer"),
            detail_hint=_lt("what was said"),
            closes_by="occasion",
            resolution=_lt("the complaint is open again"),
            service=_COMPLAINTS,
        ),
        Trigger("manual", "Launched by an automation only"),
    )
}

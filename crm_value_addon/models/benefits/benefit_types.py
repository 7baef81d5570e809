"""The table of benefit types, and the one of gift occasions: all facts about them, except how an order applies them.

How to add a benefit type: a row here, its target in `crm_value_benefit.py` if it needs a field of its own, its hook in
`sale_order.py`, and its fields in `views/crm_value_benefit_views.xml`. Another module overrides `_types` of
`crm.value.benefit`, and adds its code to the selection `benefit_type`. A type that fills a field of the order also has
a method `_default_<code>` in `crm_value_order_tier.py`.
"""

from dataclasses import dataclass
from datetime import date

from odoo.tools import SQL
from odoo.tools.translate import LazyGettext, LazyTranslate

_lt = LazyTranslate(__name__)


@dataclass(frozen=True, eq=False)
class BenefitType:
    """A row of the table. Its texts are filled with the {name} of the target, the {factor} and the {occasion}."""

    #: value of the benefit's field `benefit_type`
    code: str
    #: Odoo translates it as the label of the selection
    label: str
    #: field of the benefit that holds what is given; None: the type says it all
    target: str | None = None
    #: what sellers read; None: the target itself, by its name
    seller_text: LazyGettext | None = None
    #: what customers read, unless the benefit has a text of its own; None: the target itself, by its name
    customer_text: LazyGettext | None = None
    #: whether customers read of it at all
    is_for_customers: bool = True
    #: whether an order carries only one of it, and a tier therefore gives only one at a time
    is_single: bool = False
    #: whether it is the only one in its currency: an order takes the one in the currency that it has anyway
    is_per_currency: bool = False
    #: field of the order that it fills
    order_field: str | None = None
    #: field of the contact that wins when a person has set it
    contact_field: str | None = None
    #: whether orders carry it; a gift is given to the customer instead
    is_on_orders: bool = True
    #: whether it is given for an occasion (see `OCCASIONS`)
    has_occasion: bool = False
    #: types of programs that it can use; empty: all
    program_types: tuple[str, ...] = ()
    #: code of the type that cannot use the same program
    excluded_by: str | None = None


@dataclass(frozen=True, eq=False)
class Occasion:
    """A row of the table of occasions."""

    #: value of the benefit's field `occasion`
    code: str
    #: Odoo translates it as the label of the selection
    label: str
    #: what customers read of a gift for it; filled with the {holiday}
    customer_text: LazyGettext
    #: the day that recurs each year, on the SQL aliases ``value``, ``partner`` and ``holiday``; None: there is no such
    #: day
    yearly_day: SQL | None = None
    #: the first day on which it counts, on the same aliases; None: from the beginning
    counts_from: SQL | None = None
    #: company setting of a mail template of its own
    mail_setting: str | None = None


@dataclass(frozen=True)
class ActiveBenefit:
    """A benefit as plain data in the registry's cache, so that an order reads its benefits without a query."""

    id: int
    benefit_type: str
    #: the companies where orders can carry it; None: all
    company_ids: frozenset[int] | None
    target_id: int
    #: of a pricelist; 0 where the type knows no currency
    currency_id: int
    factor: float
    date_from: date | None
    date_to: date | None
    is_active: bool
    #: no program of others comes beside it
    is_exclusive: bool = False

    def is_given_in(self, company_id):
        return self.company_ids is None or company_id in self.company_ids

    def holds(self, company_id, day, carried=()):
        """Tell whether it is given in a company on a day.

        :param carried: ids of the benefits that an order carries already, whether or not they are still in use
        """
        return (
            (self.is_active or self.id in carried)
            and self.is_given_in(company_id)
            and (self.date_from or day) <= day <= (self.date_to or day)
        )


BENEFIT_TYPES = {
    row.code: row
    for row in (
        BenefitType(
            "pricelist",
            "Pricelist",
            target="pricelist_id",
            is_single=True,
            is_per_currency=True,
            seller_text=_lt("Pricelist %(name)s"),
            # the names of pricelists are for employees
            customer_text=_lt("Special prices"),
            order_field="pricelist_id",
            contact_field="specific_property_product_pricelist",
        ),
        BenefitType(
            "payment_term",
            "Payment terms",
            target="payment_term_id",
            is_single=True,
            seller_text=_lt("Payment terms %(name)s"),
            customer_text=_lt("Payment terms: %(name)s"),
            order_field="payment_term_id",
            contact_field="property_payment_term_id",
        ),
        BenefitType("program", "Program for this tier only", target="program_id", excluded_by="gift"),
        BenefitType(
            "points_multiplier",
            "More loyalty points",
            target="points_factor",
            is_single=True,
            seller_text=_lt("Loyalty points × %(factor)s"),
            customer_text=_lt("Loyalty points × %(factor)s"),
        ),
        BenefitType(
            "gift",
            "Gift",
            target="program_id",
            excluded_by="program",
            is_on_orders=False,
            has_occasion=True,
            seller_text=_lt("%(name)s for %(occasion)s"),
            # programs whose coupons can be handed out one by one
            program_types=("coupons", "gift_card", "next_order_coupons"),
        ),
        BenefitType(
            "manager",
            "Account manager",
            target="user_id",
            is_single=True,
            seller_text=_lt("Account manager %(name)s"),
            customer_text=_lt("Your own contact: %(name)s"),
            order_field="user_id",
            contact_field="user_id",
        ),
        BenefitType(
            "priority",
            "Urgent delivery",
            is_single=True,
            seller_text=_lt("Urgent delivery"),
            customer_text=_lt("Your orders are delivered first"),
        ),
        BenefitType("note", "Note for the seller", target="note", is_for_customers=False),
    )
}
#: stands in while a form names no type
NO_TYPE = BenefitType("", "")

OCCASIONS = {
    row.code: row
    for row in (
        Occasion("reach", "Reaching the tier", _lt("A welcome gift")),
        Occasion("activated", "Completing the profile", _lt("A gift for completing your profile")),
        Occasion(
            "birthday",
            "Birthday",
            _lt("A gift on your birthday"),
            yearly_day=SQL("partner.birthdate_date"),
            # whoever enters it the day before would have one whenever a gift comes in handy
            counts_from=SQL("partner.value_birthday_entered_on + 30"),
            mail_setting="value_mail_birthday_id",
        ),
        Occasion(
            "anniversary",
            "Anniversary of the first purchase",
            _lt("A gift on the anniversary of your first purchase"),
            yearly_day=SQL("value.first_purchase_date"),
            mail_setting="value_mail_anniversary_id",
        ),
        Occasion(
            "holiday",
            "A date of the year",
            _lt("A gift: %(holiday)s"),
            yearly_day=SQL("holiday.date"),
        ),
        Occasion("drawn", "Drawn by lot each quarter", _lt("A chance to win in the draw of each quarter")),
        Occasion("rule", "A follow-up rule", _lt("A gift now and then")),
    )
}

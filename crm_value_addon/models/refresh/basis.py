"""What figures are computed from."""

from dataclasses import dataclass
from datetime import date

from odoo import models
from odoo.tools import SQL

from ...lib.postgres.binary_copy import id_array


@dataclass(frozen=True)
class Basis:
    """Company, day and customers that a refresh, or a question "what if", is about.

    A plain object that the code hands on: no request can make one, so what is stored follows from the documents alone.
    """

    company: models.Model
    as_of: date
    #: ids of commercial partners; None for all customers
    partner_ids: list | None = None
    #: the first and the last id of the commercial partners that a part of a refresh of all customers is about
    span: tuple | None = None
    #: the prediction to use, empty for none; None for the one in use
    fit: models.Model | None = None
    #: how many months the estimates look ahead; None for the company's setting
    horizon: int | None = None
    #: documents after this day are not there
    until: date | None = None
    #: rows more of `crm.value.purchase._sources`: what a draft adds once it is posted
    draft_rows: tuple = ()
    #: what the draft counts for tiers: (id of the customer, day, what is bought, what of it qualifies)
    draft_qualifying: tuple | None = None
    #: customers asked as one: (id of the one that remains, ids of all of them)
    merged: tuple | None = None
    #: the yearly discount rate; None for the company's setting
    discount: float | None = None
    #: what counts for tiers, invoiced or paid; None for the company's setting
    counted: str | None = None

    @property
    def tiers_count(self):
        """Whether what is invoiced, or what is paid, counts for tiers."""
        return self.counted or self.company.value_tiers_count

    @property
    def is_question(self):
        """Whether nothing of it is stored, and nothing frozen for its sake."""
        return bool(self.until or self.draft_rows or self.merged)

    def where(self, partner):
        """Return the condition that a column of ids of commercial partners names customers of this basis.

        :param SQL partner: the column
        """
        if self.partner_ids is not None:
            return SQL("%s = ANY(%s::int[])", partner, id_array(self.partner_ids))
        return SQL("%s BETWEEN %s AND %s", partner, *self.span) if self.span else SQL("TRUE")

    @property
    def months(self):
        """How many months the estimates look ahead."""
        return self.horizon or self.company.value_horizon_months

    @property
    def yearly_discount(self):
        """What money is worth less after a year, as a share."""
        return self.company.value_discount_rate if self.discount is None else self.discount

    @property
    def money(self):
        """The decimals of the company's currency."""
        return self.company.currency_id.decimal_places

import numpy as np

from odoo import api, models
from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

from ...lib.columns import take
from ...lib.postgres.binary_arrays import copy_out_arrays
from ...lib.postgres.binary_copy import copy_out, day_number
from ...lib.purchase_history import NO_DAYS, summarise
from ...lib.windows import windows
from ...report import readable
from .basis import Basis
from .said import Label, with_values

_lt = LazyTranslate(__name__)
UNREADABLE = _lt(
    "%(figure)s cannot be counted: an amount or a day of its documents, orders or opportunities is missing or beyond "
    "any range."
)
NO_CUSTOMER = _lt("The contact has no commercial partner: its orders and opportunities belong to no customer.")

#: a raw import of contacts may leave more of them without a commercial partner than anybody would read
_MOST_STRAYS = 1_000


class CrmValueObservation(models.AbstractModel):
    """The first step of a refresh: who is a customer, and what the documents say of it.

    How to use: `_observe` returns columns with the observed figures, `_customer_ids` who has, or shall have, a value.
    Another module adds customers by extending `_customer_sources`, purchases by `crm.value.purchase._sources`.
    """

    _name = "crm.value.observation"
    _description = "Customer Value: Observation"

    @api.model
    def _observe(self, basis):
        """Return the columns of the observed figures of all, or some, customers.

        Documents that came in behind Odoo's back (a raw import), or before the addon was there, are frozen now.
        """
        columns = self._read_history(basis)
        unfrozen = columns.pop("unfrozen")
        if unfrozen.any() and not basis.is_question:
            self.env["crm.value.document"]._freeze_of(basis)
            columns = self._read_history(basis)
            columns.pop("unfrozen")
        if basis.partner_ids is not None:
            columns |= self.env["crm.value.component"]._stored(basis.company, columns["partner_id"])
        columns["interest"] = self.env["crm.value.lifecycle"]._interest(basis, columns)
        return columns

    @api.model
    def _leave_out_unreadable(self, columns):
        """Leave out the customers with a figure that is no number (see report/readable.py).

        :return: (columns, list of (partner id, reason))
        """
        wrong = {}
        for name, field in self.env["crm.value"]._fields.items():
            if field.type in ("float", "monetary") and name in columns and not np.isfinite(columns[name]).all():
                for place in np.flatnonzero(~np.isfinite(columns[name])).tolist():
                    wrong.setdefault(place, field)
        if not wrong:
            return columns, []
        reasons = [
            (
                int(columns["partner_id"][place]),
                with_values(UNREADABLE, figure=Label(field.model_name, field.name)),
            )
            for place, field in sorted(wrong.items())
        ]
        return take(columns, ~np.isin(np.arange(len(columns["partner_id"])), list(wrong))), reasons

    @api.model
    def _find_strays(self, company):
        """Return the contacts whose orders and opportunities belong to no customer: a list of (partner id, reason).

        Odoo gives every contact a commercial partner, a raw import may not.
        """
        found = self.env.execute_query(
            SQL(
                """
            SELECT partner.id FROM res_partner partner
             WHERE partner.commercial_partner_id IS NULL
               AND (EXISTS (SELECT FROM sale_order sale WHERE sale.partner_id = partner.id AND sale.company_id = %s
                                                          AND sale.state != 'cancel')
                    OR EXISTS (SELECT FROM %s lead WHERE lead.partner_id = partner.id))
             ORDER BY partner.id LIMIT %s
            """,
                company.id,
                self.env["crm.lead"]._select_of_company(company, only_open=True),
                _MOST_STRAYS,
            )
        )
        return [(partner_id, NO_CUSTOMER) for [partner_id] in found]

    def _customer_ids(self, company, where=None, with_documents=True):
        """Return the sorted ids of the commercial partners that have, or shall have, a value in a company.

        :param SQL where: condition on ``partner_id``
        :param with_documents: False when those who have documents are known already
        """
        sources = self._customer_sources(company)
        if with_documents:
            sources.append(
                SQL(
                    "SELECT commercial_partner_id AS partner_id FROM account_move move WHERE company_id = %s AND %s",
                    company.id,
                    self.env["crm.value.purchase"]._where_document("move"),
                )
            )
        found = copy_out_arrays(
            self.env.cr,
            SQL(" UNION ALL ").join(
                SQL(
                    "SELECT array_agg(partner_id::int4) FROM (%s) customer WHERE partner_id IS NOT NULL AND %s",
                    source,
                    where or SQL("TRUE"),
                )
                for source in sources
            ),
            [("partner", "int4")],
        )
        customers = np.sort(found["partner"])
        return customers[np.flatnonzero(np.diff(customers, prepend=-1))]  # np.unique takes twenty times as long

    def _customer_sources(self, company):
        """Return SELECTs of partner_id: who is a customer besides those who have documents."""
        sources = [
            SQL("SELECT partner_id FROM crm_value WHERE company_id = %s", company.id),
            SQL(
                """SELECT partner.commercial_partner_id AS partner_id FROM sale_order sale
                     JOIN res_partner partner ON partner.id = sale.partner_id
                    WHERE sale.company_id = %s AND sale.state != 'cancel'""",
                company.id,
            ),
            SQL(
                """SELECT partner.commercial_partner_id AS partner_id FROM %s lead
                     JOIN res_partner partner ON partner.id = lead.partner_id""",
                self.env["crm.lead"]._select_of_company(company, only_open=True),
            ),
        ]
        referrers = self.env["crm.value.referral.value"]._select_referrers(company)
        if referrers:
            sources.append(referrers)
        Opening = self.env["crm.value.opening"]
        return [*sources, Opening._select_customers(company)] if Opening._is_used() else sources

    @api.model
    def _next_batch(self, company, start, limit):
        """Return how many customers there are from a partner id on, up to a limit, and the last one's id."""
        return self.env.execute_query(
            SQL(
                """
            SELECT count(*), max(partner_id)
              FROM (SELECT partner_id FROM crm_value WHERE company_id = %s AND partner_id >= %s
                     ORDER BY partner_id LIMIT %s) batch
            """,
                company.id,
                start,
                limit,
            )
        )[0]

    def _read_history(self, basis):
        """Return the columns of the observed figures, plus ``unfrozen``: whether a document is not frozen yet."""
        days_of = {name: tuple(map(day_number, window)) for name, window in windows(basis.as_of).items()}

        def observed(days, customers=None):
            if customers is None:
                customers = days["partner"][np.flatnonzero(np.diff(days["partner"], prepend=-1))]
            figures = summarise(days, customers, as_of=day_number(basis.as_of), windows=days_of)
            unfrozen = (
                np.bincount(
                    np.searchsorted(customers, days["partner"]), weights=days["unfrozen"], minlength=len(customers)
                )
                > 0
            )
            return {"partner_id": customers, **figures, "unfrozen": unfrozen}

        # some customers at a time: the days of all of them take more memory than their figures
        parts = list(self.env["crm.value.purchase.reader"]._iter_days(basis, observed))
        known = np.concatenate([part["partner_id"] for part in parts])
        others = self._customer_ids(basis.company, basis.where(SQL("partner_id")), with_documents=False)
        parts.append(observed(NO_DAYS, np.setdiff1d(others, known, assume_unique=True)))
        columns = {name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])}
        if len(columns["partner_id"]) > len(known):
            columns = take(columns, np.argsort(columns["partner_id"], kind="stable"))
        columns["overdue_amount"] = self._overdue(basis, columns["partner_id"])
        columns = self.env["crm.value.qualifying"]._adjust(basis, columns)
        return columns

    def _overdue(self, basis, customers):
        found = copy_out(
            self.env.cr,
            SQL(
                "SELECT partner_id::int4, %s FROM (%s) overdue",
                readable.amount(SQL("overdue")),
                self.env["crm.value.overdue"]._query_overdue(basis),
            ),
            [("partner", "int4"), ("overdue", "float8")],
        )
        overdue = np.zeros(len(customers))
        overdue[np.searchsorted(customers, found["partner"])] = found["overdue"]
        return overdue

    @api.model
    def _overdue_now(self, company, partner_ids):
        """Return what customers owe at this moment, also what no refresh knows yet: partner id → amount."""
        if not partner_ids:
            return {}
        for name in ("account.move", "account.move.line", "account.payment", "res.partner"):
            self.env[name].flush_model()
        basis = Basis(company, company._value_today(), sorted(partner_ids))
        query = self.env["crm.value.overdue"]._query_overdue(basis)
        return {partner_id: float(amount) for partner_id, amount in self.env.execute_query(query)}

import numpy as np

from odoo import models
from odoo.tools import SQL

from ...lib.postgres import binary_copy
from ...lib.postgres.binary_arrays import copy_out_arrays
from ...lib.postgres.binary_copy import day_number
from ...lib.purchase_history import NO_DAYS, summarise


class CrmValueHistory(models.Model):
    """The first step of a refresh: who is a customer, and its observed figures as a frame (see `CrmValueRefresh`)."""

    _inherit = "crm.value"

    def _customer_ids(self, company, partner_ids=None, with_documents=True):
        """Return the sorted ids of the commercial partners that have, or shall have, a value in a company.

        :param with_documents: False when those who have documents are known already
        """
        sources = self._customer_sources(company)
        if with_documents:
            sources.append(SQL(
                "SELECT commercial_partner_id AS partner_id FROM account_move move WHERE company_id = %s AND %s",
                company.id, self.env["crm.value.purchase"]._where_document("move")))
        only = SQL("partner_id = ANY(%s::int[])", binary_copy.id_array(partner_ids)) \
            if partner_ids is not None else SQL("TRUE")
        found = copy_out_arrays(self.env.cr, SQL(" UNION ALL ").join(
            SQL("SELECT array_agg(partner_id::int4) FROM (%s) customer WHERE partner_id IS NOT NULL AND %s",
                source, only) for source in sources), [("partner", "int4")])
        customers = np.sort(found["partner"])
        return customers[np.flatnonzero(np.diff(customers, prepend=-1))]  # np.unique takes twenty times as long

    def _customer_sources(self, company):
        """Return SELECTs of partner_id: who is a customer besides those who have documents."""
        return [
            SQL("SELECT partner_id FROM crm_value WHERE company_id = %s", company.id),
            SQL(
                """SELECT partner.commercial_partner_id AS partner_id FROM sale_order sale
                     JOIN res_partner partner ON partner.id = sale.partner_id
                    WHERE sale.company_id = %s AND sale.state != 'cancel'""", company.id),
            SQL(
                """SELECT partner.commercial_partner_id AS partner_id FROM %s lead
                     JOIN res_partner partner ON partner.id = lead.partner_id""",
                self.env["crm.lead"]._select_of_company(company, only_open=True)),
        ]

    def _history(self, company, as_of, partner_ids=None):
        """Return the frame of the observed figures of all, or some, customers, plus ``unfrozen`` (documents)."""
        Purchase = self.env["crm.value.purchase"]
        windows = {name: tuple(map(day_number, window)) for name, window in self._windows(as_of).items()}

        def observed(days, customers=None):
            if customers is None:
                customers = days["partner"][np.flatnonzero(np.diff(days["partner"], prepend=-1))]
            figures = summarise(days, customers, as_of=day_number(as_of), windows=windows)
            unfrozen = np.bincount(
                np.searchsorted(customers, days["partner"]), weights=days["unfrozen"], minlength=len(customers)) > 0
            return {"partner_id": customers, **figures, "unfrozen": unfrozen}

        # some customers at a time: the days of all of them take more memory than their figures
        parts = list(Purchase._iter_days(company, partner_ids, observed))
        known = np.concatenate([part["partner_id"] for part in parts])
        others = self._customer_ids(company, partner_ids, with_documents=False)
        parts.append(observed(NO_DAYS, np.setdiff1d(others, known, assume_unique=True)))
        history = {name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])}
        if len(history["partner_id"]) > len(known):
            history = self._take(history, np.argsort(history["partner_id"], kind="stable"))
        history["overdue_amount"] = self._overdue(company, as_of, history["partner_id"], partner_ids)
        return history

    def _overdue(self, company, as_of, customers, partner_ids):
        query = self.env["crm.value.purchase"]._query_overdue(company, as_of, partner_ids)
        found = binary_copy.copy_out(
            self.env.cr, SQL("SELECT partner_id::int4, overdue::float8 FROM (%s) overdue", query),
            [("partner", "int4"), ("overdue", "float8")])
        overdue = np.zeros(len(customers))
        overdue[np.searchsorted(customers, found["partner"])] = found["overdue"]
        return overdue

import numpy as np
from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.tools import SQL

from ...lib.postgres.binary_copy import NO_DATE, copy_out


class CrmValueListening(models.AbstractModel):
    """The step of a refresh that adds what was heard of customers: open complaints, and contacts with them.

    How to use: `_add` is a step of a refresh.

    How it works: both are read for the customers that are refreshed, so that one who is refreshed alone gets what the
    refresh of all finds. A question "what if" is about documents and asks for neither.
    """

    _name = "crm.value.listening"
    _description = "Customer Value: What Was Heard"

    @api.model
    def _add(self, basis, columns):
        """Add open complaints, the last contact, its channel, the contacts of 12 months, and what is known."""
        count = len(columns["partner_id"])
        columns["open_complaint_count"] = np.zeros(count, np.int32)
        columns["last_contact_date"] = np.full(count, NO_DATE)
        columns["last_contact_channel"] = np.zeros(count, np.int16)
        columns["contact_count_12m"] = np.zeros(count, np.int32)
        columns["completeness"] = np.full(count, 100.0)
        if not basis.is_question:
            self._add_complaints(basis, columns)
            self._add_completeness(basis, columns)
            if basis.company.value_track_contacts:
                self._add_contacts(basis, columns)
        return columns

    @api.model
    def _add_complaints(self, basis, columns):
        self._place(
            columns,
            copy_out(
                self.env.cr,
                self.env["crm.value.feedback"]._select_open_complaints(basis),
                [("partner_id", "int4"), ("open_complaint_count", "int4")],
            ),
        )

    @api.model
    def _add_completeness(self, basis, columns):
        query = self.env["crm.value.completeness"]._select(basis)
        if query:
            self._place(columns, copy_out(self.env.cr, query, [("partner_id", "int4"), ("completeness", "float8")]))

    @api.model
    def _add_contacts(self, basis, columns):
        since = basis.as_of - relativedelta(years=1) + relativedelta(days=1)
        self._place(
            columns,
            copy_out(
                self.env.cr,
                SQL("SELECT * FROM (%s) contact", self.env["crm.value.contact.source"]._select(basis, since)),
                [
                    ("partner_id", "int4"),
                    ("last_contact_date", "int4"),
                    ("last_contact_channel", "int2"),
                    ("contact_count_12m", "int4"),
                ],
            ),
        )

    @api.model
    def _place(self, columns, found):
        """Write what was found of customers into their columns; what belongs to nobody's row is left out."""
        customers = columns["partner_id"]
        known = np.isin(found["partner_id"], customers)
        rows = np.searchsorted(customers, found["partner_id"][known])
        for name, values in found.items():
            if name != "partner_id":
                columns[name][rows] = values[known]

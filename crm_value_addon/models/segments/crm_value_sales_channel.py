import numpy as np

from odoo import api, models

from ...const import SALES_CHANNELS
from ...lib.postgres.binary_copy import copy_out


class CrmValueSalesChannel(models.AbstractModel):
    """The step of a refresh that says through what each customer mostly buys: by invoice, in the web shop, at the till.

    How to use: `_add` is a step of a refresh. Another module adds a channel by extending `_sources`.

    How it works: the channel is the one with the most revenue; what no source claims came by invoice. Without any
    source nothing is asked, and no customer has a channel. A question "what if" does not ask.
    """

    _name = "crm.value.sales.channel"
    _description = "Customer Value: Sales Channel"

    @api.model
    def _add(self, basis, columns):
        """Add the channel of each customer, as its code."""
        customers = columns["partner_id"]
        columns["sales_channel"] = np.zeros(len(customers), np.int16)
        sources = {} if basis.is_question else self._sources(basis)
        if not sources:
            return columns
        amounts = np.zeros((len(SALES_CHANNELS), len(customers)))
        for place, (code, _label) in enumerate(SALES_CHANNELS):
            if code in sources:
                found = copy_out(self.env.cr, sources[code], [("partner_id", "int4"), ("amount", "float8")])
                known = np.isin(found["partner_id"], customers)
                amounts[place, np.searchsorted(customers, found["partner_id"][known])] = found["amount"][known]
        amounts[0] = columns["revenue_total"] - amounts[1:].sum(0)
        has_bought = (columns["purchase_count"] > 0) & (amounts.max(0, initial=-np.inf) > 0)
        columns["sales_channel"] = np.where(has_bought, amounts.argmax(0) + 1, 0).astype(np.int16)
        return columns

    @api.model
    def _sources(self, basis):
        """Hook: return dict of a code of `SALES_CHANNELS` → SELECT of (partner id, revenue through it)."""
        return {}

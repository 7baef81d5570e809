import numpy as np

from odoo import api, fields, models

from ...lib.customer_base import rfm
from ...lib.postgres.binary_copy import day_number


class CrmValueRfm(models.Model):
    """Recency, frequency and monetary scores: quintiles among the company's customers who have bought.

    The cut points are stored with the refresh of all customers, the recency counted up to that refresh's day: a
    customer refreshed alone gets the score that the full run would give it, and a night without purchases changes
    nobody's. Equal figures have equal scores, ties the lower one; with few customers, or few different figures, some
    scores stay empty (see lib/customer_base/rfm.py). Money is revenue, so that every seller may see the scores.
    """

    _inherit = "crm.value"

    r_score = fields.Integer(string="Recency Score", readonly=True, aggregator="avg")
    f_score = fields.Integer(string="Frequency Score", readonly=True, aggregator="avg")
    m_score = fields.Integer(string="Monetary Score", readonly=True, aggregator="avg")
    rfm_score = fields.Integer(
        string="RFM Score", readonly=True, aggregator=None,
        help="Recency, frequency and monetary score, each from 1 to 5 (a fifth of the customers each, 5 is best); "
             "0 for customers who have not bought. Customers with equal figures share the lower score.")
    rfm_segment = fields.Many2one(
        "crm.value.rfm.segment", string="RFM Segment", index="btree_not_null", ondelete="set null", readonly=True)

    @api.model
    def _refreshed_fields(self):
        return [*super()._refreshed_fields(), "r_score", "f_score", "m_score", "rfm_score", "rfm_segment"]

    @api.model
    def _boundaries(self, company, as_of, frame):
        boundaries = super()._boundaries(company, as_of, frame)
        sound = (frame["purchase_count"] > 0) & np.isfinite(frame["revenue_total"])
        if sound.any():
            today = day_number(as_of)
            cuts = rfm.rfm_boundaries(*self._rfm_figures(frame, sound, today))
            boundaries["rfm"] = {
                "today": today, "recency": cuts.recency, "frequency": cuts.frequency, "monetary": cuts.monetary}
        return boundaries

    @api.model
    def _rank(self, company, as_of, frame, boundaries):
        frame = super()._rank(company, as_of, frame, boundaries)
        stored = dict(boundaries.get("rfm") or {})
        bought = frame["purchase_count"] > 0
        scores = [np.zeros(len(bought), np.int32) for _score in range(3)]
        if stored and bought.any():
            today = stored.pop("today")
            cuts = rfm.Boundaries(**{name: tuple(values) for name, values in stored.items()})
            found = rfm.rfm_scores(cuts, *self._rfm_figures(frame, bought, today))
            for score, values in zip(scores, found, strict=True):
                score[bought] = values
        r, f, m = scores
        frame |= {"r_score": r, "f_score": f, "m_score": m, "rfm_score": 100 * r + 10 * f + m}
        frame["rfm_segment"] = self.env["crm.value.rfm.segment"]._segment_of_scores()[r, f, m]
        return frame

    @api.model
    def _rfm_figures(self, frame, chosen, today):
        """Return days since the last purchase, purchases and revenue of the chosen, as the kernel takes them."""
        days = np.maximum(today - frame["last_purchase_date"][chosen].astype(np.int64), 0)
        return days, frame["purchase_count"][chosen], np.nan_to_num(frame["revenue_total"][chosen])

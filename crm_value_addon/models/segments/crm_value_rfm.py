import numpy as np

from odoo import api, models

from ...lib import ranks
from ...lib.customer_base import rfm
from ...lib.postgres.binary_copy import day_number


class CrmValueRfm(models.AbstractModel):
    """A customer's place among all: percentile of the CLV; recency, frequency and monetary scores.

    How to use: `_boundaries` of the `_sample` of all customers once, `_rank` of all or some customers by these
    boundaries.

    How it works: scores are quintiles among the company's customers who have bought. The cut points are stored with the
    refresh of all customers, the recency counted up to that refresh's day: a customer refreshed alone gets the score
    that the full run would give, and a night without purchases changes nobody's. Equal figures have equal scores, ties
    the lower one; with few customers, or few different figures, some scores stay empty (lib/customer_base/rfm.py).
    Money is revenue, so that every seller may see the scores.
    """

    _name = "crm.value.rfm"
    _description = "Customer Value: RFM"

    @api.model
    def _sample(self, basis, columns):
        """Return what the boundaries are drawn from: figures of the customers who have bought, each by itself."""
        bought = columns["purchase_count"] > 0
        sound = bought & np.isfinite(columns["revenue_total"])
        days, count, money = self._figures(columns, sound, day_number(basis.as_of))
        return {
            "clv": np.round(columns["clv"][bought], 4),
            "recency": days,
            "frequency": count,
            "monetary": money,
        }

    @api.model
    def _boundaries(self, basis, sample):
        """Return the table of percentiles and the cut points of the scores (see `crm.value.refresh._boundaries`).

        :param sample: mapping of the names of `_sample` to the figures of all customers, of which one is asked for at a
            time: those of a large company are not in memory together
        """
        boundaries = {"clv": ranks.percentile_table(sample["clv"]).tolist()}
        days = sample["recency"]
        if len(days):
            boundaries["rfm"] = {"today": day_number(basis.as_of), "recency": rfm.recency_cuts(days)}
            del days
            boundaries["rfm"] |= {name: rfm.cut_points(sample[name]) for name in ("frequency", "monetary")}
        return boundaries

    @api.model
    def _rank(self, basis, columns, boundaries):
        """Add percentile, scores and segment; customers who have not bought have rank 0."""
        bought = columns["purchase_count"] > 0
        places = ranks.percentile(np.round(columns["clv"], 4), np.array(boundaries.get("clv", [])))
        columns["value_percentile"] = np.where(bought, places, 0.0)
        stored = dict(boundaries.get("rfm") or {})
        scores = [np.zeros(len(bought), np.int32) for _score in range(3)]
        if stored and bought.any():
            today = stored.pop("today")
            cuts = rfm.Boundaries(**{name: tuple(values) for name, values in stored.items()})
            found = rfm.rfm_scores(cuts, *self._figures(columns, bought, today))
            for score, values in zip(scores, found, strict=True):
                score[bought] = values
        r, f, m = scores
        columns |= {"r_score": r, "f_score": f, "m_score": m, "rfm_score": 100 * r + 10 * f + m}
        columns["rfm_segment"] = self.env["crm.value.rfm.segment"]._segment_of_scores()[r, f, m]
        return columns

    @api.model
    def _figures(self, columns, chosen, today):
        """Return days since the last purchase, purchases and revenue of the chosen, as the kernel takes them."""
        days = np.maximum(today - columns["last_purchase_date"][chosen].astype(np.int64), 0)
        return days, columns["purchase_count"][chosen], np.nan_to_num(columns["revenue_total"][chosen])

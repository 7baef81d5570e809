import numpy as np

from odoo import api, fields, models

SCORES = range(1, 6)


class CrmValueRfmSegment(models.Model):
    """A named part of the 125 combinations of recency, frequency and monetary scores (1 to 5, 5 is best).

    The table is read from the top: a combination belongs to the first segment whose three spans hold it. Widening a
    segment therefore takes combinations from those below it; a combination in none of them has no segment.
    """

    _name = "crm.value.rfm.segment"
    _description = "RFM Segment"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=100, help="The first segment that holds a combination takes it")
    description = fields.Char(string="What to Do", translate=True)
    color = fields.Integer()
    r_from = fields.Integer(string="Recency from", default=1, required=True)
    r_to = fields.Integer(string="Recency to", default=5, required=True)
    f_from = fields.Integer(string="Frequency from", default=1, required=True)
    f_to = fields.Integer(string="Frequency to", default=5, required=True)
    m_from = fields.Integer(string="Monetary from", default=1, required=True)
    m_to = fields.Integer(string="Monetary to", default=5, required=True)
    combination_count = fields.Integer(
        string="Combinations",
        compute="_compute_combination_count",
        help="Number of the 125 combinations of scores in this segment; 0 when the segments above take them all",
    )
    customer_count = fields.Integer(string="Customers", compute="_compute_customer_count")

    _spans = models.Constraint(
        "CHECK(1 <= r_from AND r_from <= r_to AND r_to <= 5 AND 1 <= f_from AND f_from <= f_to AND f_to <= 5"
        " AND 1 <= m_from AND m_from <= m_to AND m_to <= 5)",
        "Scores go from 1 to 5, and a span from its lower end to its upper end.",
    )

    @api.depends("sequence", "r_from", "r_to", "f_from", "f_to", "m_from", "m_to")
    def _compute_combination_count(self):
        segment_ids, counts = np.unique(self._segment_of_scores(), return_counts=True)
        count_of = dict(zip(segment_ids.tolist(), counts.tolist(), strict=True))
        for segment in self:
            segment.combination_count = count_of.get(segment._origin.id, 0)

    def _compute_customer_count(self):
        counts = dict(
            self.env["crm.value"]._read_group(
                [("rfm_segment", "in", self.ids), ("company_id", "in", self.env.companies.ids)],
                ["rfm_segment"],
                ["__count"],
            )
        )
        for segment in self:
            segment.customer_count = counts.get(segment, 0)

    @api.model
    def _segment_of_scores(self):
        """Return the segment ids as an int array of shape (6, 6, 6), indexed by the scores; 0 is none."""
        table = np.zeros((6, 6, 6), np.int32)
        for segment in reversed(self.search([])):
            table[tuple(slice(segment[f"{score}_from"], segment[f"{score}_to"] + 1) for score in ("r", "f", "m"))] = (
                segment.id
            )
        return table

    @api.model_create_multi
    def create(self, vals_list):
        segments = super().create(vals_list)
        segments._request_refresh()
        return segments

    def write(self, vals):
        result = super().write(vals)
        if not {"sequence", "r_from", "r_to", "f_from", "f_to", "m_from", "m_to"}.isdisjoint(vals):
            self._request_refresh()
        return result

    def unlink(self):
        result = super().unlink()
        self._request_refresh()
        return result

    @api.model
    def _request_refresh(self):
        """Ask for every customer to be placed anew, where there are customers."""
        # sudo: the table is shared; it concerns companies that its editor does not see.
        groups = self.env["crm.value"].sudo()._read_group([], ["company_id"])
        for [company] in groups:
            self.env["crm.value.run"]._request(company)

    def action_open_customers(self):
        """Open the customers of this segment.

        :raise AccessError: the user may not read customer values
        """
        self.ensure_one()
        self.env["crm.value"].check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_action")
        return action | {"domain": [("rfm_segment", "=", self.id)], "display_name": self.name}

from odoo import api, models
from odoo.tools import SQL


class CrmValueDocumentCost(models.AbstractModel):
    """What goods cost that come back: what they cost when they were sold, whatever they cost by now.

    How to use: `_take_sold_cost` for documents that were just frozen, `_draft_difference` for a draft.

    How it works: a document is frozen at the costs of its day, as one sum. So the cost of then is known of goods that
    come back with all others of their document, and of goods that their document had nothing but: it is the frozen cost
    in proportion to what both cost today. Other goods keep the cost of the day on which they come back. A document that
    replaces another one, whose goods never moved, keeps the cost of that one in the same way.
    """

    _name = "crm.value.document.cost"
    _description = "Cost of Goods That Come Back"

    @api.model
    def _take_sold_cost(self, company, condition, frozen_at, before):
        """Correct the margins of documents that were just frozen.

        :param SQL condition: what follows the id of the move
        :param frozen_at: when they were frozen
        :param before: only what was frozen before this time may have other costs
        """
        self._correct(
            company,
            self.env.execute_query(
                SQL(
                    """
                SELECT document.move_id, sold.move_id, sold.margin
                  FROM (SELECT id AS move_id, reversed_entry_id AS sold_id, company_id FROM account_move
                         WHERE id %(condition)s AND reversed_entry_id IS NOT NULL
                         UNION ALL
                        SELECT link.move_id, link.replaced_id, new.company_id FROM crm_value_document_origin link
                          JOIN account_move new ON new.id = link.move_id AND new.reversed_entry_id IS NULL
                         WHERE link.move_id %(condition)s AND link.replaced_id IS NOT NULL) pair
                  JOIN crm_value_document document ON document.move_id = pair.move_id
                  JOIN crm_value_document sold ON sold.move_id = pair.sold_id
                 WHERE pair.company_id = %(company)s AND document.frozen_at = %(frozen_at)s
                   AND sold.frozen_at < %(before)s""",
                    condition=condition,
                    company=company.id,
                    frozen_at=frozen_at,
                    before=before,
                )
            ),
        )

    def _correct(self, company, pairs):
        if pairs:
            self.env.cr.execute(
                SQL(
                    """UPDATE crm_value_document document SET margin = round((margin + net.more)::numeric, %s)
                         FROM (%s) net WHERE document.move_id = net.move_id""",
                    company.currency_id.decimal_places,
                    self._select_difference(company, pairs),
                )
            )
            self.env["crm.value.document"].invalidate_model(["margin"])

    @api.model
    def _draft_difference(self, draft):
        """Return by how much the margin of a draft differs from what its goods cost today."""
        # sudo: what was frozen is no secret of the document's; whether its margin is shown is the caller's matter.
        sold = self.env["crm.value.document"].sudo().search([("move_id", "=", draft.reversed_entry_id.id)])
        rows = sold and self.env.execute_query(
            self._select_difference(draft.company_id, [(draft.id, sold.move_id.id, sold.margin)], draft.id)
        )
        return float(rows[0][1]) if rows else 0.0

    def _select_difference(self, company, pairs, draft_id=None):
        """Return the SELECT of (move_id, more): what the cost of then adds to the margin of documents.

        :param pairs: list of (move id, id of the document it was sold with, frozen margin of that one)
        """
        move_ids, sold_ids, margins = (list(column) for column in zip(*pairs, strict=True))
        return SQL(
            """
            WITH net AS MATERIALIZED (
                SELECT line.move_id, sum(line.revenue) AS revenue,
                       COALESCE(sum(line.cost) FILTER (WHERE NOT %(is_goods)s), 0) AS other_cost,
                       sum(line.cost) FILTER (WHERE %(is_goods)s) AS cost,
                       min(basis) FILTER (WHERE %(is_goods)s) AS basis, max(basis) FILTER (WHERE %(is_goods)s) AS also
                  FROM (SELECT line.*, CASE WHEN line.source = 4 THEN 0 ELSE line.product_id END AS basis
                          FROM (%(lines)s) line) line
                 GROUP BY line.move_id
            )
            SELECT pair.move_id,
                   own.cost - own.cost * (sold.revenue - pair.margin - sold.other_cost) / sold.cost AS more
              FROM unnest(%(move_ids)s::int[], %(sold_ids)s::int[], %(margins)s::float8[])
                   AS pair(move_id, sold_id, margin)
              JOIN net own ON own.move_id = pair.move_id
              JOIN net sold ON sold.move_id = pair.sold_id
             WHERE sold.cost != 0
               AND (abs(abs(own.cost) - abs(sold.cost)) < 0.005
                    OR sold.basis = sold.also AND own.basis = sold.basis AND own.also = sold.basis)
            """,
            is_goods=SQL("line.kind IN ('goods', 'fee')"),
            lines=self.env["crm.value.line.kind"]._select(
                company, SQL("= ANY(%s)", [*move_ids, *sold_ids]), 2, draft_id, lines=SQL("TRUE")
            ),
            move_ids=move_ids,
            sold_ids=sold_ids,
            margins=margins,
        )

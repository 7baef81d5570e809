from odoo import api, fields, models
from odoo.tools import SQL

from ...const import POSTED_DOCUMENTS

#: where a document's margin comes from, from the surest to the least sure; a document has its least sure line's
MARGIN_SOURCES = [
    ("sale_margin", "Cost on the order line"),
    ("product_cost", "Cost of the product when posted"),
    ("cost_now", "Cost of the product at installation"),
    ("margin_rate", "Margin rate of the company"),
]
_FREEZE_BATCH = 50_000


class CrmValueDocument(models.Model):
    """What is frozen of a posted customer document, so that a later change of a cost rewrites no history."""

    _name = "crm.value.document"
    _description = "Margin at Posting"
    _log_access = False
    _order = "frozen_at desc, id desc"
    _rec_name = "move_id"

    move_id = fields.Many2one("account.move", string="Document", required=True, ondelete="cascade", readonly=True)
    company_id = fields.Many2one(related="move_id.company_id")
    currency_id = fields.Many2one(related="move_id.company_id.currency_id", string="Currency")
    # Money in float8, not numeric: a refresh reads all of these, and converting a million numerics takes it as long as
    # reading the invoices. Both hold the cents of any amount below 9e13 exactly.
    margin = fields.Float(readonly=True, help="Untaxed, in the currency of the company")
    margin_source = fields.Selection(MARGIN_SOURCES, readonly=True)
    is_down_payment = fields.Boolean(string="Down Payment", readonly=True)
    purchase_revenue = fields.Float(
        string="Bought", readonly=True, help="Untaxed amount without down payments and their deduction"
    )
    reversed_move_id = fields.Many2one(
        "account.move", string="Reversed Document", ondelete="set null", index="btree_not_null", readonly=True
    )
    frozen_at = fields.Datetime(string="Recorded At", readonly=True)

    _move_uniq = models.Constraint("UNIQUE(move_id)", "The margin of a document is recorded once.")

    @api.model
    def _freeze(self, company, move_ids, *, refreeze_ids=()):
        """Freeze those of the moves that are posted and not yet frozen; forget those that left the posted state.

        :param refreeze_ids: moves that were posted anew since they were frozen
        """
        move_ids = [move_id for move_id in move_ids if move_id]
        if not move_ids:
            return
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
            DELETE FROM crm_value_document document USING account_move move
             WHERE move.id = document.move_id AND document.move_id = ANY(%s)
               AND (move.state != 'posted' OR document.move_id = ANY(%s))
            """,
                move_ids,
                list(refreeze_ids),
            )
        )
        self._insert(company, SQL("= ANY(%s)", move_ids), "product_cost")

    @api.model
    def _freeze_queued(self, company, queue):
        """Freeze the documents that queue rows name (see `crm.value.queue._peek`)."""
        moves = {move_id for _id, _partner, move_id, _refreeze in queue if move_id}
        refreeze = {move_id for _id, _partner, move_id, refreeze in queue if refreeze}
        self._freeze(company, moves, refreeze_ids=refreeze)

    @api.model
    def _freeze_of(self, basis):
        """Freeze what all, or some, customers have from before the installation, or by a raw import."""
        if basis.partner_ids is None:
            self._freeze_missing(basis.company, lambda: None)
            return
        moves = self.env["account.move"].search(
            [
                ("commercial_partner_id", "in", list(basis.partner_ids)),
                ("company_id", "=", basis.company.id),
                *POSTED_DOCUMENTS,
            ]
        )
        self._insert(basis.company, SQL("= ANY(%s)", moves.ids), "cost_now")

    @api.model
    def _freeze_missing(self, company, checkpoint):
        """Freeze what was posted before the addon was there, in batches, with a checkpoint after each.

        :param checkpoint: callable without arguments; it may commit
        """
        self.env.flush_all()
        last = 0
        while True:
            [[upper]] = self.env.execute_query(
                SQL(
                    """
                SELECT max(batch.id) FROM (
                    SELECT move.id FROM account_move move
                     WHERE move.id > %s AND move.company_id = %s AND %s ORDER BY move.id LIMIT %s
                ) batch
                """,
                    last,
                    company.id,
                    self._where_document(),
                    _FREEZE_BATCH,
                )
            )
            if upper is None:
                return
            self._insert(company, SQL("BETWEEN %s AND %s", last + 1, upper), "cost_now")
            last = upper
            checkpoint()

    def _insert(self, company, condition, product_source):
        """Insert the frozen rows of the posted customer documents of a company that have none.

        :param SQL condition: what follows the id of the move, e.g. ``= ANY(…)``

        The margin of a line is its revenue less, in this order: its revenue if it is a down payment (the margin comes
        with the goods); the cost on its order line; the product's cost; nothing if it lowers the document's amount
        (a discount is all margin); the share that the company's margin rate leaves.
        """
        sources = [name for name, _label in MARGIN_SOURCES]
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value_document
                   (move_id, margin, margin_source, is_down_payment, purchase_revenue, reversed_move_id, frozen_at)
            SELECT line.move_id, round(sum(line.revenue - line.cost)::numeric, %(decimals)s),
                   (%(sources)s::varchar[])[max(line.source)],
                   bool_and(line.is_downpayment),
                   COALESCE(round(sum(line.revenue) FILTER (WHERE NOT line.is_downpayment), %(decimals)s), 0),
                   min(line.reversed_move_id), now() AT TIME ZONE 'UTC'
              FROM (%(lines)s) line
             GROUP BY line.move_id
            ON CONFLICT (move_id) DO NOTHING
            """,
                decimals=company.currency_id.decimal_places,
                sources=sources,
                lines=self._select_lines(company, condition, sources.index(product_source) + 1),
            )
        )

    def _where_document(self, draft_id=None):
        """Return the condition on the alias ``move`` that it is frozen: what is frozen does not depend on settings."""
        return self.env["crm.value.purchase"]._where_document("move", draft_id=draft_id, with_intercompany=True)

    def _select_lines(self, company, condition, product_rank, draft_id=None):
        """Return the SELECT of the costed lines: move_id, revenue, cost, source (index from 1), is_downpayment.

        :param draft_id: a draft that is costed as if it were posted
        """
        # sudo: the cost is hidden from some users; the frozen margin is what they may or may not see.
        product = self.env["product.product"].sudo().with_company(company)
        return SQL(
            """
            WITH line AS MATERIALIZED (
                SELECT move.id AS move_id, move.reversed_entry_id AS reversed_move_id,
                       CASE WHEN move.move_type = 'out_refund' THEN -1 ELSE 1 END AS sign,
                       line.id, line.product_id, line.product_uom_id, line.quantity, line.balance,
                       COALESCE(-line.balance, move.amount_untaxed_signed) AS revenue,
                       COALESCE(line.is_downpayment, FALSE) AS is_downpayment
                  FROM account_move move
                  LEFT JOIN account_move_line line
                         ON line.move_id = move.id AND line.display_type = 'product' AND line.move_id %(condition)s
                 WHERE move.id %(condition)s AND move.company_id = %(company)s AND %(is_document)s
                   AND NOT EXISTS (SELECT FROM crm_value_document document
                                    WHERE document.move_id = move.id AND document.move_id %(condition)s)
            ), origin AS (
                SELECT DISTINCT ON (line.id) line.id, order_uom.factor,
                       order_line.purchase_price / NULLIF(sale.currency_rate, 0) AS cost
                  FROM line
                  JOIN sale_order_line_invoice_rel rel ON rel.invoice_line_id = line.id
                  JOIN sale_order_line order_line ON order_line.id = rel.order_line_id
                  JOIN sale_order sale ON sale.id = order_line.order_id
                  LEFT JOIN uom_uom order_uom ON order_uom.id = order_line.product_uom_id
                 ORDER BY line.id, order_line.id
            )
            SELECT line.move_id, line.reversed_move_id, line.revenue,
                   CASE kind.source WHEN 0 THEN -line.balance
                        WHEN 1 THEN line.sign * line.quantity * origin.cost
                                    * COALESCE(uom.factor / NULLIF(origin.factor, 0), 1)
                        WHEN 9 THEN 0
                        WHEN 4 THEN line.revenue * (1 - %(rate)s)
                        ELSE line.sign * line.quantity * own.cost
                                    * COALESCE(uom.factor / NULLIF(product_uom.factor, 0), 1)
                   END AS cost,
                   CASE WHEN kind.source IN (0, 9) THEN 1 ELSE kind.source END AS source,
                   line.is_downpayment
              FROM line
              LEFT JOIN product_product product ON product.id = line.product_id
              LEFT JOIN product_template template ON template.id = product.product_tmpl_id
              LEFT JOIN uom_uom uom ON uom.id = line.product_uom_id
              LEFT JOIN uom_uom product_uom ON product_uom.id = template.uom_id
              LEFT JOIN LATERAL (SELECT %(product_cost)s AS cost) own ON TRUE
              LEFT JOIN origin ON origin.id = line.id
              JOIN LATERAL (
                    SELECT CASE WHEN line.is_downpayment THEN 0
                                WHEN origin.cost != 0 THEN 1
                                WHEN own.cost != 0 THEN %(product_rank)s
                                WHEN line.sign * -line.balance < 0 THEN 9
                                ELSE 4
                           END AS source
              ) kind ON TRUE
            """,
            rate=company.value_margin_rate,
            product_rank=product_rank,
            company=company.id,
            condition=condition,
            product_cost=product._field_to_sql("product", "standard_price"),
            is_document=self._where_document(draft_id),
        )

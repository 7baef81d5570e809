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
#: what a document is for its customer (see `crm.value.document.role`)
ROLES = [
    ("purchase", "Purchase"),
    ("return", "Given Back"),
    ("correction", "Correction"),
    ("advance", "Advance"),
    ("none", "Neither"),
]
_FREEZE_BATCH = 50_000


class CrmValueDocument(models.Model):
    """What is frozen of a posted customer document, so that a later change of a cost rewrites no history.

    How it works: `crm.value.line.kind` says what the lines are and cost, `crm.value.document.role` what the document is
    for its customer. A document without a role was frozen by an earlier version of this addon: it counts as not
    frozen, so that the next refresh of its customer, or of all, brings it up to date.
    """

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
    role = fields.Selection(ROLES, readonly=True, help="What the document is for the customer, whatever its type")
    # as superuser: it names the documents that this list names anyway, also those that the reader may not open
    role_reason = fields.Char(string="Why", compute="_compute_role_reason", compute_sudo=True)
    counting_reason = fields.Char(string="Not for Tiers", compute="_compute_role_reason", compute_sudo=True)
    is_down_payment = fields.Boolean(
        string="Down Payment", compute="_compute_is_down_payment", search="_search_is_down_payment"
    )
    purchase_revenue = fields.Float(
        string="Bought",
        readonly=True,
        help="Untaxed amount without advances: down payments, gift cards, eWallets. Below 0, so much was given back",
    )
    qualifying = fields.Float(
        string="Qualifies", readonly=True, help="What counts for tiers, where it is not what was bought; else empty"
    )
    reversed_move_id = fields.Many2one(
        "account.move", string="Reversed Document", ondelete="set null", index="btree_not_null", readonly=True
    )
    frozen_at = fields.Datetime(string="Recorded At", readonly=True)

    _move_uniq = models.Constraint("UNIQUE(move_id)", "The margin of a document is recorded once.")
    _stale_idx = models.Index("(move_id) WHERE role IS NULL")
    _other_idx = models.Index("(move_id) WHERE qualifying IS NOT NULL OR role = 'correction'")

    @api.depends("role")
    def _compute_is_down_payment(self):
        for document in self:
            document.is_down_payment = document.role == "advance"

    @api.model
    def _search_is_down_payment(self, operator, value):
        return [("role", "in", ["advance"])] if operator == "in" and True in value else NotImplemented

    @api.depends("role", "purchase_revenue", "reversed_move_id")
    @api.depends_context("lang")
    def _compute_role_reason(self):
        self.env["crm.value.document.text"]._set_reasons(self)

    @api.model
    def _freeze(self, company, move_ids, *, refreeze_ids=()):
        """Freeze those of the moves that are posted and not yet frozen; forget those that left the posted state.

        :param refreeze_ids: moves that were posted anew since they were frozen
        """
        move_ids = [move_id for move_id in move_ids if move_id]
        if not move_ids:
            return
        self.env.flush_all()
        others = self._forget(company, move_ids, list(refreeze_ids))
        condition = SQL("= ANY(%s)", move_ids)
        self._renew(company, condition)
        self._freeze_new(company, condition, "product_cost")
        self.env["crm.value.document.role"]._settle_changed(company, condition, others=others)

    def _forget(self, company, move_ids, refreeze_ids):
        """Delete what is frozen of moves that left the posted state or were posted anew.

        :return: the ids of documents that took back from them
        """
        forgotten = self.env.execute_query(
            SQL(
                """
            DELETE FROM crm_value_document document USING account_move move
             WHERE move.id = document.move_id AND document.move_id = ANY(%s)
               AND (move.state != 'posted' OR document.move_id = ANY(%s))
            RETURNING document.move_id
            """,
                move_ids,
                refreeze_ids,
            )
        )
        if not forgotten:
            return []
        forgotten = [move_id for [move_id] in forgotten]
        moves = SQL("= ANY(%s)", forgotten)
        Role = self.env["crm.value.document.role"]
        Role._push_customers(company, Role._counted_customers(moves), moves)
        others = self.env.execute_query(
            SQL("SELECT move_id FROM crm_value_document_origin WHERE counted_id %s OR origin_id %s", moves, moves)
        )
        self.env.cr.execute(
            SQL("DELETE FROM crm_value_document_origin WHERE move_id %s AND replaced_id IS NULL", moves)
        )
        self.env.cr.execute(
            SQL("UPDATE crm_value_document_origin SET amount = 0 WHERE move_id %s AND amount != 0", moves)
        )
        return [move_id for [move_id] in others]

    @api.model
    def _freeze_queued(self, company, queue):
        """Freeze the documents that queue rows name (see `crm.value.queue._peek`)."""
        moves = {move_id for _id, _partner, move_id, _refreeze in queue if move_id}
        refreeze = {move_id for _id, _partner, move_id, refreeze in queue if refreeze}
        self._freeze(company, moves, refreeze_ids=refreeze)
        self.env["crm.value.opening"]._settle(company, {partner_id for _id, partner_id, move_id, _ in queue if move_id})

    @api.model
    def _refreeze_advances(self, orders):
        """Queue the documents with down payments of orders that were cancelled, or are not any more."""
        # sudo: whoever cancels an order need not read its invoices
        lines = orders.sudo().order_line.filtered("is_downpayment").invoice_lines
        self.env["crm.value.queue"]._push(lines.move_id._value_queue_keys(), refreeze=True)

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
        condition = SQL("= ANY(%s)", moves.ids)
        self._renew(basis.company, condition)
        self._freeze_new(basis.company, condition, "cost_now")
        self.env["crm.value.document.role"]._settle_changed(basis.company, condition)
        self.env["crm.value.opening"]._settle(basis.company, basis.partner_ids)

    @api.model
    def _freeze_missing(self, company, checkpoint):
        """Freeze what was posted before the addon was there, in batches, with a checkpoint after each.

        :param checkpoint: callable without arguments; it may commit
        """
        self.env.flush_all()
        # only an update leaves such rows, and no batch makes more of them
        [[is_stale]] = self.env.execute_query(SQL("SELECT EXISTS (SELECT FROM crm_value_document WHERE role IS NULL)"))
        # nothing while there are no documents that were frozen at other costs
        [[started]] = self.env.execute_query(
            SQL(
                """SELECT CASE WHEN EXISTS (SELECT FROM crm_value_document)
                               THEN statement_timestamp() AT TIME ZONE 'UTC' END"""
            )
        )
        batches = 0
        for condition in self._batches(company):
            renewed = is_stale and self._renew(company, condition)
            inserted, frozen_at = self._insert(company, condition, "cost_now")
            if inserted and started:
                self.env["crm.value.document.cost"]._take_sold_cost(company, condition, frozen_at, started)
            batches += inserted > _FREEZE_BATCH // 2
            if inserted > _FREEZE_BATCH // 2 and batches & (batches - 1) == 0:
                # Whenever the table has doubled: a planner that takes it for small reads all of it for each batch.
                self.env.cr.execute(SQL("ANALYZE crm_value_document (move_id, purchase_revenue)"))
            if inserted or renewed:
                self.env["crm.value.document.role"]._settle_changed(company, condition, is_bulk=True)
            checkpoint()

    @api.model
    def _batches(self, company):
        """Yield conditions on the id of a move that part the customer documents of a company, some at a time."""
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
                    self.env["crm.value.purchase"]._where_document("move", with_left_out=True),
                    _FREEZE_BATCH,
                )
            )
            if upper is None:
                return
            yield SQL("BETWEEN %s AND %s", last + 1, upper)
            last = upper

    def _freeze_new(self, company, condition, product_source):
        """Freeze few documents (see `_insert`), goods that came back at the cost of their sale."""
        inserted, frozen_at = self._insert(company, condition, product_source)
        if inserted:
            self.env["crm.value.document.cost"]._take_sold_cost(company, condition, frozen_at, frozen_at)

    def _insert(self, company, condition, product_source):
        """Insert the frozen rows of the posted customer documents of a company that have none.

        :param SQL condition: what follows the id of the move, e.g. ``= ANY(…)``
        :return: how many were inserted, and when
        """
        sources = [name for name, _label in MARGIN_SOURCES]
        [inserted] = self.env.execute_query(
            SQL(
                """
            WITH inserted AS (
                INSERT INTO crm_value_document
                       (move_id, margin, margin_source, purchase_revenue, qualifying, role, frozen_at)
                SELECT net.move_id, net.margin, (%(sources)s::varchar[])[net.source], net.bought, net.qualifying,
                       %(role)s, statement_timestamp() AT TIME ZONE 'UTC'
                  FROM (%(net)s) net
                ON CONFLICT (move_id) DO NOTHING
                RETURNING frozen_at)
            SELECT count(*), max(frozen_at) FROM inserted
            """,
                sources=sources,
                role=self._role_by_sign(),
                net=self._select_net(company, condition, sources.index(product_source) + 1),
            )
        )
        return inserted

    def _renew(self, company, condition):
        """Bring rows that an earlier version froze up to date; return how many there were.

        What a line earns changes by the difference between the rules, at the present cost, so that the cost of all
        other lines stays the one of then.
        """
        self.env.cr.execute(
            SQL(
                """
            UPDATE crm_value_document document
               SET margin = round((COALESCE(document.margin, 0) + net.more)::numeric, %(decimals)s),
                   purchase_revenue = net.bought, qualifying = net.qualifying, role = %(role)s
              FROM (%(net)s) net WHERE document.move_id = net.move_id AND document.role IS NULL
            """,
                decimals=company.currency_id.decimal_places,
                role=self._role_by_sign(),
                net=self._select_net(
                    company,
                    SQL(
                        "IN (SELECT stale.move_id FROM crm_value_document stale WHERE stale.role IS NULL"
                        " AND stale.move_id %s)",
                        condition,
                    ),
                    2,
                ),
            )
        )
        return self.env.cr.rowcount

    def _select_net(self, company, condition, product_rank, draft_id=None, lines=None):
        """Return the SELECT of what documents come to: move_id, margin, source (index from 1), bought (without
        advances), qualifying (for tiers, where it differs), has_advance, more (margin since the former rules).

        :param draft_id: a draft that is costed as if it were posted
        :param SQL lines: a condition on ``line``; by default, those of documents that are not frozen
        """
        decimals = company.currency_id.decimal_places
        is_purchase = SQL("bool_or(line.kind IN ('goods', 'allowance'))")
        counts = SQL("line.kind NOT IN ('advance', 'fee')")
        return SQL(
            """
            SELECT line.move_id, round(sum(line.revenue - line.cost)::numeric, %(decimals)s) AS margin,
                   max(line.source) AS source, bool_or(line.kind = 'advance') AS has_advance,
                   %(bought)s AS bought,
                   NULLIF(CASE WHEN %(is_purchase)s
                               THEN round(COALESCE(sum(line.revenue) FILTER (WHERE %(counts)s AND line.qualifies), 0),
                                          %(decimals)s) ELSE 0 END, %(bought)s) AS qualifying,
                   sum(line.former_cost - line.cost) AS more
              FROM (%(lines)s) line
             GROUP BY line.move_id
            """,
            decimals=decimals,
            is_purchase=is_purchase,
            counts=counts,
            bought=SQL(
                "CASE WHEN %s THEN round(sum(line.revenue) FILTER (WHERE %s), %s) ELSE 0 END",
                is_purchase,
                counts,
                decimals,
            ),
            lines=self.env["crm.value.line.kind"]._select(company, condition, product_rank, draft_id, lines),
        )

    def _recount(self, company, condition):
        """Record again what frozen documents come to, after a change of what counts; return how many there were.

        What they earn stays as it was frozen.

        :param SQL condition: what follows the id of the move
        """
        self.env.cr.execute(
            SQL(
                """
            UPDATE crm_value_document document
               SET purchase_revenue = net.bought, qualifying = net.qualifying, role = %s
              FROM (%s) net WHERE document.move_id = net.move_id AND document.role IS NOT NULL
            """,
                self._role_by_sign(),
                self._select_net(company, condition, 2, lines=SQL("TRUE")),
            )
        )
        self.invalidate_model(["purchase_revenue", "qualifying", "role"])
        return self.env.cr.rowcount

    @api.model
    def _role_by_sign(self):
        """Return the SQL of the role of a document of ``net`` that hangs together with no other one."""
        return SQL(
            """CASE WHEN net.bought > 0 THEN 'purchase' WHEN net.bought < 0 THEN 'return'
                    WHEN net.has_advance THEN 'advance' ELSE 'none' END"""
        )

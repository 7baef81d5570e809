from contextlib import contextmanager

from odoo import api, fields, models
from odoo.addons.crm_value_addon.report.crm_value_line_kind import RETURN_PRICE
from odoo.tools import SQL, split_every

#: orders of the till per batch of what was sold before the addon was there
_FREEZE_BATCH = 20_000
#: refunds of refunds that are followed back to the first sale
_REFUND_DEPTH = 10
_PENDING = "crm_value_addon_point_of_sale.pending"


class CrmValueTillOrder(models.Model):
    """What is frozen of a paid order of the till, as `crm.value.document` is of an invoice.

    How to use: `crm.value.purchase` reads the rows as a source of purchases; `_enqueue` puts customers of changed
    orders into the queue, where the key of an order of the till is negative; `_freeze` and `_freeze_missing` write.

    How it works: an order that has an invoice is left to the invoice, and has a row only where it takes goods back
    from a sale that has none. Each line is of one kind (`_select_lines`). What is taken back belongs to the day and
    the customer of the sale that it is taken back from: the order's invoice where it has one meanwhile, and the first
    sale where a refund was refunded.
    """

    _name = "crm.value.till.order"
    _description = "Purchase at the Till"
    _log_access = False
    _order = "date desc, id desc"
    _rec_name = "order_id"

    order_id = fields.Many2one("pos.order", required=True, ondelete="cascade", readonly=True)
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        ondelete="cascade",
        readonly=True,
        help="Empty where the order only takes back from another customer's purchase",
    )
    date = fields.Date(required=True, readonly=True)
    # money in float8, see `crm.value.document`
    revenue = fields.Float(readonly=True, help="Untaxed, in the currency of the company; without tips and rounding")
    margin = fields.Float(readonly=True)
    refund = fields.Float(string="Given Back", readonly=True)
    purchase_revenue = fields.Float(string="Bought", readonly=True, help="Without gift cards and other advances")
    taken_back = fields.Float(readonly=True, help="What the order takes back from an earlier one, below 0")
    qualifying = fields.Float(string="Qualifies", readonly=True, help="What counts for tiers of both")
    origin_partner_id = fields.Many2one(
        "res.partner", string="Taken Back from", ondelete="cascade", index="btree_not_null", readonly=True
    )
    origin_date = fields.Date(string="Taken Back from the Day", readonly=True)
    frozen_at = fields.Datetime(string="Recorded At", readonly=True)

    _order_uniq = models.Constraint("UNIQUE(order_id)", "An order of the till is recorded once.")
    _partner_idx = models.Index("(partner_id, company_id)")

    # the queue

    @api.model
    @contextmanager
    def _one_insert(self):
        """Enqueue what changes meanwhile by one INSERT at the end."""
        cache = self.env.cr.cache
        if _PENDING in cache:
            yield
            return
        cache[_PENDING] = set()
        try:
            yield
            pending = cache[_PENDING]
        finally:
            del cache[_PENDING]
        self.env["crm.value.queue"]._push(pending, refreeze=True)

    @api.model
    def _enqueue(self, keys):
        """Append customers of orders to the queue.

        :param keys: set of (commercial partner id, company id, id of the order below 0)
        """
        pending = self.env.cr.cache.get(_PENDING)
        if pending is None:
            self.env["crm.value.queue"]._push(keys, refreeze=True)
        else:
            pending.update(keys)

    # freezing

    @api.model
    def _freeze(self, company, order_ids):
        """Write the rows of these orders again, and remove those of orders that do not count."""
        order_ids = list(order_ids)
        if not order_ids:
            return
        orders = self.env["pos.order"].browse(order_ids).exists()
        self.env["crm.value.till.tier"]._set_discounts(orders.filtered(lambda order: order.company_id == company))
        self.env.flush_all()
        self.env.cr.execute(SQL("DELETE FROM crm_value_till_order WHERE order_id = ANY(%s)", order_ids))
        self._insert(company, SQL("= ANY(%s)", order_ids))

    @api.model
    def _freeze_missing(self, company, checkpoint, partner_ids=None):
        """Freeze, in batches, what nobody queued: sold before the addon was there, a raw import, an invoice deleted.

        :param checkpoint: callable without arguments, called after each batch; it may commit
        :param partner_ids: only what these commercial partners bought
        """
        self.env.flush_all()
        last, order_ids = 0, True
        while order_ids:
            order_ids = [row[0] for row in self.env.execute_query(self._select_missing(company, last, partner_ids))]
            if order_ids:
                self._insert(company, SQL("= ANY(%s)", order_ids))
                last = order_ids[-1]
                checkpoint()

    def _select_missing(self, company, last, partner_ids):
        """Return the SELECT of the next ids of paid orders that have no row and may need one."""
        customers = SQL()
        if partner_ids is not None:
            customers = SQL(
                "AND sale.partner_id IN (SELECT id FROM res_partner WHERE commercial_partner_id = ANY(%s))",
                list(partner_ids),
            )
        return SQL(
            """
            SELECT sale.id FROM pos_order sale
             WHERE sale.id > %s AND sale.company_id = %s AND sale.state IN ('paid', 'done')
               AND (sale.partner_id IS NOT NULL AND sale.account_move IS NULL OR sale.is_refund)
               AND NOT EXISTS (SELECT FROM crm_value_till_order frozen WHERE frozen.order_id = sale.id) %s
             ORDER BY sale.id LIMIT %s
            """,
            last,
            company.id,
            customers,
            _FREEZE_BATCH,
        )

    def _insert(self, company, condition):
        """Insert the rows of the paid orders of a company that have none.

        :param SQL condition: what follows the id of the order, e.g. ``= ANY(…)``
        """
        self.env.cr.execute(
            SQL(
                """
            WITH RECURSIVE sale AS MATERIALIZED (
                SELECT sale.id, sale.company_id, sale.account_move,
                       (COALESCE(sale.date_order, sale.create_date) AT TIME ZONE 'UTC'
                        AT TIME ZONE %(timezone)s)::date AS date,
                       CASE WHEN sale.account_move IS NULL THEN customer.commercial_partner_id END AS partner_id,
                       COALESCE(NULLIF(sale.currency_rate, 0), 1) AS rate
                  FROM pos_order sale LEFT JOIN res_partner customer ON customer.id = sale.partner_id
                 WHERE sale.id %(condition)s AND sale.company_id = %(company)s AND sale.state IN ('paid', 'done')
                   AND NOT EXISTS (SELECT FROM crm_value_till_order frozen WHERE frozen.order_id = sale.id)
            ), line AS MATERIALIZED (%(lines)s
            ), earlier AS (
                SELECT order_id, refunded_id AS line_id, 1 AS depth FROM line WHERE refunded_id IS NOT NULL
                UNION
                SELECT earlier.order_id, line.refunded_orderline_id, earlier.depth + 1
                  FROM earlier JOIN pos_order_line line ON line.id = earlier.line_id
                 WHERE line.refunded_orderline_id IS NOT NULL AND earlier.depth < %(depth)s
            ), origin AS (%(origins)s
            ), total AS (
                SELECT line.order_id, sum(line.revenue) AS revenue, sum(line.margin) AS margin,
                       sum(line.revenue) FILTER (WHERE line.is_bought AND line.refunded_id IS NULL) AS bought,
                       sum(line.revenue) FILTER (WHERE line.is_bought AND line.refunded_id IS NOT NULL) AS taken_back,
                       sum(line.revenue) FILTER (WHERE line.is_bought AND line.qualifies) AS qualifying
                  FROM line GROUP BY line.order_id
            )
            INSERT INTO crm_value_till_order
                   (order_id, company_id, partner_id, date, revenue, margin, refund, purchase_revenue, taken_back,
                    qualifying, origin_partner_id, origin_date, frozen_at)
            SELECT sale.id, sale.company_id, sale.partner_id, sale.date,
                   round(COALESCE(total.revenue, 0)::numeric, %(decimals)s),
                   round(COALESCE(total.margin, 0)::numeric, %(decimals)s),
                   round((-COALESCE(total.taken_back, 0) - LEAST(COALESCE(total.bought, 0), 0))::numeric, %(decimals)s),
                   round(COALESCE(total.bought, 0)::numeric, %(decimals)s),
                   round(COALESCE(total.taken_back, 0)::numeric, %(decimals)s),
                   round(COALESCE(total.qualifying, 0)::numeric, %(decimals)s),
                   origin.partner_id, origin.date, now() AT TIME ZONE 'UTC'
              FROM sale
              LEFT JOIN total ON total.order_id = sale.id
              LEFT JOIN origin ON origin.order_id = sale.id
             WHERE sale.partner_id IS NOT NULL OR origin.partner_id IS NOT NULL
            ON CONFLICT (order_id) DO NOTHING
            """,
                timezone=company.sudo().partner_id.tz or "UTC",  # sudo: reads only the timezone
                condition=condition,
                company=company.id,
                lines=self._select_lines(company),
                origins=self._select_origins(),
                depth=_REFUND_DEPTH,
                decimals=company.currency_id.decimal_places,
            )
        )

    def _select_lines(self, company):
        """Return the SELECT of the lines of ``sale``: order_id, refunded_id, product_id, quantity, is_bought (neither
        an advance nor a fee), is_advance, is_allowance, qualifies (for tiers), revenue, margin.

        The kinds are those of `crm.value.line.kind`, by what a till stores. A tip is left out. An advance earns
        nothing. A line of a negative price (a reward, a discount) and a refund far from the price of the sale (a price
        corrected) are all margin, in both directions. Goods cost what the till has worked out, which for some is only
        when the session is closed; until then the product's cost; without any cost, the share that the company's
        margin rate leaves. A combo costs what its parts cost.

        Odoo stores the untaxed amount of a line without its sign where the order is a refund.
        """
        # sudo: the cost is hidden from some users; the frozen margin is what they may or may not see.
        product = self.env["product.product"].sudo().with_company(company)
        Kind = self.env["crm.value.line.kind"]
        return SQL(
            """
            SELECT part.order_id, part.refunded_id, part.product_id, part.quantity,
                   NOT (part.is_advance OR part.is_fee) AS is_bought, part.is_advance, part.is_allowance,
                   part.qualifies, part.revenue,
                   CASE WHEN part.is_advance THEN 0
                        WHEN part.is_combo THEN part.revenue
                        WHEN part.is_allowance THEN part.revenue
                        WHEN part.cost != 0 THEN part.revenue - part.cost
                        ELSE part.revenue * %(rate)s
                   END AS margin
              FROM (SELECT line.order_id, line.refunded_orderline_id AS refunded_id, line.product_id,
                           line.qty AS quantity,
                           sign(line.qty) * sign(line.price_unit) * abs(line.price_subtotal) / sale.rate AS revenue,
                           CASE WHEN line.is_total_cost_computed THEN line.total_cost / sale.rate
                                ELSE line.qty * %(product_cost)s
                           END AS cost,
                           line.price_unit < 0 OR line.product_id IN (%(discounts)s)
                           OR COALESCE(NOT %(is_return)s, FALSE) AS is_allowance,
                           template.type = 'combo' AS is_combo,
                           line.product_id IN (%(advances)s) OR line.product_id = ANY(%(down_payments)s) AS is_advance,
                           %(is_fee)s AS is_fee, NOT %(is_not_for_tiers)s AS qualifies
                      FROM sale
                      JOIN pos_order_line line ON line.order_id = sale.id
                      JOIN product_product product ON product.id = line.product_id
                      JOIN product_template template ON template.id = product.product_tmpl_id
                      LEFT JOIN pos_order_line sold ON sold.id = line.refunded_orderline_id
                     WHERE NOT line.product_id = ANY(%(tips)s)) part
            """,
            rate=company.value_margin_rate,
            product_cost=product._field_to_sql("product", "standard_price"),
            advances=Kind._select_advance_products(),
            discounts=Kind._select_discount_products(company),
            is_fee=Kind._is_marked("value_no_purchase"),
            is_not_for_tiers=Kind._is_marked("value_not_for_tiers"),
            is_return=SQL(
                """abs(line.price_subtotal / NULLIF(line.qty, 0))
                   BETWEEN abs(sold.price_subtotal / NULLIF(sold.qty, 0)) * (%s - 0.000001)
                       AND abs(sold.price_subtotal / NULLIF(sold.qty, 0)) * (%s + 0.000001)""",
                *RETURN_PRICE,
            ),
            **self._special_ids(),
        )

    def _special_ids(self):
        """Return the ids of the products of tips, and of those that pay a part of a sales order in advance."""
        # sudo: whichever till they belong to, whoever asks
        configs = self.env["pos.config"].sudo().with_context(active_test=False).search([])
        tip = self.env.ref("point_of_sale.product_product_tip", raise_if_not_found=False)
        has_orders = "down_payment_product_id" in configs._fields  # where orders of Sales are paid at the till
        return {
            "tips": configs.tip_product_id.ids + (tip.ids if tip else []),
            "down_payments": configs.down_payment_product_id.ids if has_orders else [],
        }

    def _select_origins(self):
        """Return the SELECT of the sale that an order takes back from: order_id, partner_id, date.

        An invoiced order whose sale was invoiced, too, takes back nothing here: its credit note does.
        """
        return SQL(
            """
            SELECT DISTINCT ON (earlier.order_id) earlier.order_id,
                   COALESCE(invoice.commercial_partner_id, frozen.partner_id, customer.commercial_partner_id)
                       AS partner_id,
                   COALESCE(invoice.invoice_date,
                            (COALESCE(first.date_order, first.create_date) AT TIME ZONE 'UTC'
                             AT TIME ZONE zone.name)::date) AS date
              FROM earlier
              JOIN sale ON sale.id = earlier.order_id
              JOIN pos_order_line line ON line.id = earlier.line_id
              JOIN pos_order first ON first.id = line.order_id
              JOIN res_company company ON company.id = first.company_id
              JOIN res_partner contact ON contact.id = company.partner_id
              JOIN LATERAL (SELECT COALESCE(contact.tz, 'UTC') AS name) zone ON TRUE
              LEFT JOIN res_partner customer ON customer.id = first.partner_id
              LEFT JOIN account_move invoice ON invoice.id = first.account_move AND invoice.state = 'posted'
              LEFT JOIN crm_value_till_order frozen ON frozen.order_id = first.id AND first.account_move IS NULL
             WHERE sale.account_move IS NULL OR first.account_move IS NULL
             ORDER BY earlier.order_id, earlier.depth DESC, earlier.line_id
            """
        )

    # the source of purchases

    @api.model
    def _select_orders(self, until=None):
        """Return the SELECT of the orders, each on its own day (columns: see `crm.value.purchase._sources`)."""
        return SQL(
            """
            SELECT -own.order_id AS id, own.partner_id, own.company_id, own.date, own.revenue::numeric AS revenue,
                   own.margin::numeric AS margin, own.refund::numeric AS refund,
                   own.purchase_revenue::numeric AS purchase_revenue, TRUE AS is_frozen
              FROM crm_value_till_order own
             WHERE own.partner_id IS NOT NULL AND %s AND %s
            """,
            self._where_counted("own", "partner_id", until),
            self._where_not_invoiced("own"),
        )

    @api.model
    def _select_taken_back(self, until=None):
        """Return the SELECT of what orders take back, on the day of the sale that they take it back from."""
        return SQL(
            """
            SELECT NULL::int AS id, own.origin_partner_id AS partner_id, own.company_id, own.origin_date AS date,
                   0::numeric AS revenue, 0::numeric AS margin, 0::numeric AS refund,
                   own.taken_back::numeric AS purchase_revenue, TRUE AS is_frozen
              FROM crm_value_till_order own
             WHERE own.origin_partner_id IS NOT NULL AND own.taken_back != 0 AND %s
            """,
            self._where_counted("own", "origin_partner_id", until),
        )

    def _where_counted(self, alias, partner, until=None):
        """Return the condition that a row counts by the settings, and was there on a day."""
        leaving, own = self.env["crm.value.purchase"]._intercompany_ids()
        conditions = [SQL("TRUE")]
        if until:
            conditions.append(SQL("%s <= %s", SQL.identifier(alias, "date"), until))
        if leaving:
            conditions.append(
                SQL(
                    "NOT (%s = ANY(%s) AND %s = ANY(%s))",
                    SQL.identifier(alias, "company_id"),
                    leaving,
                    SQL.identifier(alias, partner),
                    own,
                )
            )
        return SQL(" AND ").join(conditions)

    def _where_not_invoiced(self, alias):
        """Return the condition that an order was not invoiced since it was frozen, which takes a minute to be noted."""
        return SQL(
            "NOT EXISTS (SELECT FROM pos_order sale WHERE sale.id = %s AND sale.account_move IS NOT NULL)",
            SQL.identifier(alias, "order_id"),
        )

    @api.model
    def _select_qualifying(self, basis):
        """Return the SELECT of what orders count more, or less, for tiers than on their days (see
        `crm.value.qualifying`)."""
        more = SQL(
            "COALESCE(own.qualifying, own.purchase_revenue + own.taken_back) - (own.purchase_revenue - own.refund)"
        )
        return SQL(
            """
            SELECT %s AS partner_id, own.date, (%s)::numeric AS amount FROM crm_value_till_order own
             WHERE own.company_id = %s AND own.partner_id IS NOT NULL AND %s != 0 AND %s AND %s AND %s
            """,
            SQL("%s", basis.merged[0]) if basis.merged else SQL("own.partner_id"),
            more,
            basis.company.id,
            more,
            SQL("own.partner_id = ANY(%s)", list(basis.merged[1]))
            if basis.merged
            else basis.where(SQL("own.partner_id")),
            self._where_counted("own", "partner_id", basis.until),
            self._where_not_invoiced("own"),
        )

    @api.model
    def _recount(self, company, template_ids, checkpoint):
        """Record again what orders with some products come to; their margins stay as they were frozen."""
        rows = self.env.execute_query(
            SQL(
                """
            SELECT own.order_id, own.margin FROM crm_value_till_order own
             WHERE own.company_id = %s AND EXISTS (
                   SELECT FROM pos_order_line line JOIN product_product product ON product.id = line.product_id
                    WHERE line.order_id = own.order_id AND product.product_tmpl_id = ANY(%s))
             ORDER BY own.order_id""",
                company.id,
                list(template_ids),
            )
        )
        for part in split_every(_FREEZE_BATCH, rows, list):
            order_ids, margins = (list(column) for column in zip(*part, strict=True))
            self.env.cr.execute(SQL("DELETE FROM crm_value_till_order WHERE order_id = ANY(%s)", order_ids))
            self._insert(company, SQL("= ANY(%s)", order_ids))
            self.env.cr.execute(
                SQL(
                    """UPDATE crm_value_till_order own SET margin = before.margin
                         FROM unnest(%s::int[], %s::float8[]) AS before(order_id, margin)
                        WHERE before.order_id = own.order_id""",
                    order_ids,
                    margins,
                )
            )
            checkpoint()
        self.invalidate_model()

    # figures of a company

    @api.model
    def _query_revenue(self, company, where):
        """Return the SELECT of a company's revenue at the till that a condition on ``own`` selects (one figure)."""
        return SQL(
            "SELECT COALESCE(sum(own.revenue), 0) FROM crm_value_till_order own"
            " WHERE own.company_id = %s AND own.partner_id IS NOT NULL AND %s AND %s",
            company.id,
            where,
            self._where_not_invoiced("own"),
        )

    @api.model
    def _query_without_customer(self, company):
        """Return the SELECT of the untaxed amounts of paid orders without a customer and an invoice (one figure)."""
        return SQL(
            """
            SELECT COALESCE(sum((amount_total - amount_tax) / COALESCE(NULLIF(currency_rate, 0), 1)), 0)
              FROM pos_order
             WHERE company_id = %s AND state IN ('paid', 'done') AND account_move IS NULL AND partner_id IS NULL
            """,
            company.id,
        )

from odoo import models
from odoo.tools import SQL

#: programs that a customer pays with: what is sold is money for later
_PAYMENT_PROGRAMS = ("gift_card", "ewallet")
#: a credited quantity is a return if its unit price is between these shares of the price it was sold at
RETURN_PRICE = (0.5, 2.0)
#: how many of a customer's last sales of a product are looked at to know its price
_PRICES = 5


class CrmValueLineKind(models.AbstractModel):
    """What a line of a customer document is, and what it cost: the only place that says so.

    How to use: `_select` returns the lines of documents with their kind, revenue, cost and the source of the cost.
    `_is_advance` says the same of the lines of an order.

    How it works: each line is of one kind, whatever the type of its document.

    - ``goods``: what was sold, and what was given back. The money gives the direction: a line with negative revenue
      takes the cost of its quantity back. Without a cost, the margin rate holds in both directions, so that a crate
      returned takes back what it earned.
    - ``advance``: a down payment, or a line of a payment program (gift card, eWallet), sold or redeemed: no margin,
      because it comes with the goods. What was kept of a cancelled order is all margin. In a moving currency, the
      document that deducts a down payment has the difference to the amount booked.
    - ``allowance``: a discount, a bonus, the correction of a price: all margin, because no goods come back.
    - ``rounding``: of the cash; all margin.
    - ``fee``: a product that the settings call no purchase (`crm.value.counting`): revenue and margin of goods.

    A credited line returns goods if its price is about the price of the sale (`RETURN_PRICE`), or if the delivered
    quantity of its order line fell. Half is a wide band: people who correct a price credit some percents of it, and
    returned goods are rarely credited with more than a third off. The price of the sale is that of the reversed
    document, else of the order line, else of the same document, else of the last sales to the customer. Where nothing
    was sold, a product that is stocked or has a cost is taken at its list price, and a service is an allowance.
    """

    _name = "crm.value.line.kind"
    _description = "Kinds of the Lines of Documents"

    def _select(self, company, condition, product_rank, draft_id=None, lines=None):
        """Return the SELECT of the lines of customer documents.

        The columns are move_id, partner_id, day, product_id, template_id, kind, quantity (in the unit of the product,
        negative where it comes back), revenue, cost, source (index from 1 in `MARGIN_SOURCES`), former_cost and
        qualifies (for tiers).

        :param SQL condition: what follows the id of the move, e.g. ``= ANY(…)``
        :param product_rank: the source of a cost that is the product's
        :param draft_id: a draft that is costed as if it were posted
        :param SQL lines: a condition on ``line``, for some lines of the documents only
        """
        return SQL(
            """
            WITH line AS MATERIALIZED (%(lines)s), origin AS (%(origins)s), priced AS (
                SELECT line.*, origin.order_line_id, origin.is_cancelled, own.cost AS own_cost,
                       template.id AS template_id,
                       origin.cost * COALESCE(uom.factor / NULLIF(origin.factor, 0), 1) AS order_cost,
                       COALESCE(uom.factor / NULLIF(product_uom.factor, 0), 1) AS to_product_uom,
                       abs(line.balance) / NULLIF(abs(line.quantity) * COALESCE(uom.factor, 1), 0) AS price,
                       template.type = 'service' AND COALESCE(own.cost, 0) = 0 AS is_free_service,
                       CASE WHEN own.cost != 0 THEN GREATEST(template.list_price, own.cost)
                                                    / COALESCE(NULLIF(product_uom.factor, 0), 1) END AS list_price,
                       origin.undelivered * COALESCE(origin.factor, 1) AS undelivered,
                       abs(line.quantity) * COALESCE(uom.factor, 1) AS amount
                  FROM line
                  LEFT JOIN product_product product ON product.id = line.product_id
                  LEFT JOIN product_template template ON template.id = product.product_tmpl_id
                  LEFT JOIN uom_uom uom ON uom.id = line.product_uom_id
                  LEFT JOIN uom_uom product_uom ON product_uom.id = template.uom_id
                  LEFT JOIN LATERAL (SELECT %(product_cost)s AS cost) own ON TRUE
                  LEFT JOIN origin ON origin.id = line.id
            ), known AS MATERIALIZED (SELECT line.*, %(kind)s AS kind FROM priced line)
            SELECT line.move_id, line.partner_id, line.day, line.product_id, line.template_id, line.kind, line.revenue,
                   moved.quantity * line.to_product_uom AS quantity,
                   CASE WHEN line.kind = 'advance' THEN %(advance_cost)s
                        WHEN line.kind NOT IN ('goods', 'fee') THEN 0
                        WHEN basis.source = 1 THEN moved.quantity * line.order_cost
                        WHEN basis.source = 4 THEN line.revenue * (1 - %(rate)s)
                        ELSE moved.quantity * line.own_cost * line.to_product_uom
                   END AS cost,
                   CASE WHEN line.kind IN ('goods', 'fee') THEN basis.source ELSE 1 END AS source,
                   %(former_cost)s AS former_cost, %(qualifies)s AS qualifies
              FROM known line
              JOIN LATERAL (SELECT CASE WHEN line.revenue < 0 THEN -abs(line.quantity)
                                        WHEN line.revenue > 0 THEN abs(line.quantity)
                                        ELSE line.sign * line.quantity END AS quantity) moved ON TRUE
              JOIN LATERAL (SELECT CASE WHEN line.order_cost != 0 OR line.order_cost = 0 AND line.own_cost != 0 THEN 1
                                        WHEN line.own_cost != 0 THEN %(product_rank)s
                                        ELSE 4 END AS source) basis ON TRUE
            """,
            lines=self._select_lines(company, condition, draft_id, lines),
            origins=self._select_order_lines(),
            # sudo: the cost is hidden from some users; the frozen margin is what they may or may not see.
            product_cost=self.env["product.product"]
            .sudo()
            .with_company(company)
            ._field_to_sql("product", "standard_price"),
            advance_cost=self._advance_cost(company),
            kind=self._kind(company),
            rate=company.value_margin_rate,
            product_rank=product_rank,
            former_cost=self._former_cost(company),
            qualifies=SQL("NOT %s", self._is_marked("value_not_for_tiers")),
        )

    def _is_marked(self, name):
        """Return the condition that a line's product has a mark (see `crm.value.counting`)."""
        products = self._select_marked_products(name)
        return SQL("COALESCE(line.product_id IN (%s), FALSE)", products) if products else SQL("FALSE")

    def _select_lines(self, company, condition, draft_id, lines):
        """Return the SELECT of what Odoo stored of the lines; a document without any has one that is empty."""
        return SQL(
            """
            SELECT move.id AS move_id, move.commercial_partner_id AS partner_id, move.company_id,
                   COALESCE(move.invoice_date, move.date) AS day, move.reversed_entry_id AS reversed_id,
                   CASE WHEN move.move_type = 'out_refund' THEN -1 ELSE 1 END AS sign,
                   line.id, line.display_type, line.product_id, line.product_uom_id, line.quantity, line.balance,
                   line.amount_currency, line.currency_id,
                   COALESCE(-line.balance, move.amount_untaxed_signed) AS revenue,
                   COALESCE(line.is_downpayment, FALSE) AS is_downpayment
              FROM account_move move
              %(join)s account_move_line line
                     ON line.move_id = move.id AND line.move_id %(condition)s
                    AND (line.display_type = 'product'
                         OR line.display_type = 'rounding' AND line.tax_repartition_line_id IS NULL)
             WHERE move.id %(condition)s AND move.company_id = %(company)s AND %(is_document)s AND %(lines)s
            """,
            join=SQL("JOIN") if lines else SQL("LEFT JOIN"),
            condition=condition,
            company=company.id,
            # what is frozen does not depend on settings
            is_document=self.env["crm.value.purchase"]._where_document("move", draft_id=draft_id, with_left_out=True),
            lines=lines
            or SQL(
                """NOT EXISTS (SELECT FROM crm_value_document document
                                WHERE document.move_id = move.id AND document.role IS NOT NULL
                                  AND document.move_id %s)""",
                condition,
            ),
        )

    def _select_order_lines(self):
        """Return the SELECT of the order line of each line: its cost in the currency of the company, and how much of it
        was invoiced and is not delivered (``undelivered``), where deliveries decide what is invoiced."""
        return SQL(
            """
            SELECT DISTINCT ON (line.id) line.id, order_line.id AS order_line_id, order_uom.factor,
                   sale.state = 'cancel' AS is_cancelled,
                   order_line.purchase_price / NULLIF(sale.currency_rate, 0) AS cost,
                   CASE WHEN line.revenue < 0 AND template.invoice_policy = 'delivery' THEN (
                        SELECT sum(-sign(other.balance) * abs(other.quantity) * COALESCE(other_uom.factor, 1))
                               / COALESCE(NULLIF(order_uom.factor, 0), 1) - order_line.qty_delivered
                          FROM sale_order_line_invoice_rel also
                          JOIN account_move_line other ON other.id = also.invoice_line_id AND other.id != line.id
                          LEFT JOIN uom_uom other_uom ON other_uom.id = other.product_uom_id
                         WHERE also.order_line_id = order_line.id AND other.parent_state = 'posted') END AS undelivered
              FROM line
              JOIN sale_order_line_invoice_rel rel ON rel.invoice_line_id = line.id
              JOIN sale_order_line order_line ON order_line.id = rel.order_line_id
              JOIN sale_order sale ON sale.id = order_line.order_id
              LEFT JOIN uom_uom order_uom ON order_uom.id = order_line.product_uom_id
              LEFT JOIN product_product product ON product.id = order_line.product_id
              LEFT JOIN product_template template ON template.id = product.product_tmpl_id
             ORDER BY line.id, order_line.id
            """
        )

    # the kind

    def _kind(self, company):
        """Return the SQL of the kind of a line of ``priced``."""
        return SQL(
            """
            CASE WHEN line.display_type = 'rounding' THEN 'rounding'
                 WHEN line.is_downpayment THEN 'advance' %(by_product)s
                 WHEN line.id IS NULL OR line.revenue = 0 THEN 'goods'
                 WHEN line.product_id IS NULL AND line.revenue > 0 AND line.sign * line.quantity < 0 THEN 'allowance'
                 WHEN line.product_id IS NULL AND (line.revenue < 0 OR line.reversed_id IS NOT NULL)
                 THEN CASE WHEN (%(reversed)s) THEN 'goods' ELSE 'allowance' END
                 WHEN line.product_id IS NULL THEN 'goods'
                 WHEN line.revenue > 0 AND (line.reversed_id IS NULL OR NOT EXISTS (
                          SELECT FROM account_move_line other
                           WHERE other.move_id = line.reversed_id AND other.product_id = line.product_id)) THEN 'goods'
                 WHEN line.amount <= line.undelivered + 0.000001 THEN 'goods'
                 WHEN COALESCE(CASE WHEN line.revenue < 0 THEN (%(reversed)s) END,
                               (%(ordered)s), (%(beside)s), (%(sold)s), %(listed)s)
                 THEN 'goods' ELSE 'allowance'
            END
            """,
            by_product=SQL(" ").join(
                SQL("WHEN line.product_id IN (%s) THEN %s", products, kind)
                for kind, products in self._kinds_by_product(company)
            ),
            reversed=self._is_about_price(
                SQL("account_move_line other"),
                SQL(
                    """line.reversed_id IS NOT NULL AND other.balance < 0
                       AND other.product_id IS NOT DISTINCT FROM line.product_id
                       AND other.move_id = (SELECT COALESCE(reversed.reversed_entry_id, reversed.id)
                                              FROM account_move reversed WHERE reversed.id = line.reversed_id)"""
                ),
            ),
            ordered=self._is_about_price(
                SQL(
                    """sale_order_line_invoice_rel also
                       JOIN account_move_line other ON other.id = also.invoice_line_id"""
                ),
                SQL(
                    """also.order_line_id = line.order_line_id AND other.balance < 0 AND other.id != line.id
                       AND other.move_id != line.move_id AND other.parent_state = 'posted'"""
                ),
            ),
            beside=self._is_about_price(
                SQL("account_move_line other"),
                SQL(
                    """other.move_id = line.move_id AND other.product_id = line.product_id AND other.balance < 0
                       AND other.id != line.id"""
                ),
            ),
            sold=self._is_about_price(
                SQL(
                    """(SELECT other.* FROM account_move sold JOIN account_move_line other ON other.move_id = sold.id
                         WHERE sold.commercial_partner_id = line.partner_id AND sold.company_id = line.company_id
                           AND sold.state = 'posted' AND sold.move_type IN ('out_invoice', 'out_refund', 'out_receipt')
                           -- a raw import may leave the day empty; its date is not in the index that finds these
                           AND sold.id != line.move_id AND COALESCE(sold.invoice_date, '-infinity') <= line.day
                           AND other.product_id = line.product_id AND other.balance < 0
                         ORDER BY sold.invoice_date DESC, sold.id DESC LIMIT %s) other""",
                    _PRICES,
                ),
                SQL("TRUE"),
            ),
            listed=SQL(
                "CASE WHEN line.is_free_service THEN FALSE WHEN line.list_price IS NULL THEN TRUE ELSE %s END",
                self._about(SQL("line.list_price")),
            ),
        )

    def _is_plain(self, company):
        """Return the condition that a line, with its document ``move``, is goods at first sight, as most are.

        It says the same of these lines as `_kind`, which has to look at many more things.
        """
        by_product = [SQL("line.product_id NOT IN (%s)", products) for _, products in self._kinds_by_product(company)]
        return SQL(
            """line.display_type = 'product' AND line.balance < 0 AND line.product_id IS NOT NULL
               AND line.is_downpayment IS NOT TRUE AND move.reversed_entry_id IS NULL AND %s""",
            SQL(" AND ").join(by_product),
        )

    def _kinds_by_product(self, company):
        """Return the kinds that a product decides, the first that holds: list of (kind, SELECT of the products).

        The products that the settings call no purchase are left out where there are none.
        """
        fees = self._select_marked_products("value_no_purchase")
        return [
            ("advance", self._select_advance_products()),
            ("allowance", self._select_discount_products(company)),
            *([("fee", fees)] if fees else []),
        ]

    def _is_bought(self, company):
        """Return the condition that a line is neither an advance nor a fee, so that it can be bought and given back."""
        unbought = [products for kind, products in self._kinds_by_product(company) if kind in ("advance", "fee")]
        return SQL(
            "line.is_downpayment IS NOT TRUE AND (line.product_id IN (%s)) IS NOT TRUE",
            SQL(" UNION ALL ").join(unbought),
        )

    def _is_about_price(self, source, where):
        """Return the SELECT of whether the price of a line is about that of some lines sold; NULL if there are none.

        The same product may be sold at several prices at once: those lines decide of which so much can come back, if
        there are any.
        """
        return SQL(
            """SELECT COALESCE(bool_or(about.price) FILTER (WHERE about.amount >= line.amount - 0.000001),
                               bool_or(about.price))
                 FROM (SELECT sold.amount, %s AS price
                         FROM %s LEFT JOIN uom_uom other_uom ON other_uom.id = other.product_uom_id
                        CROSS JOIN LATERAL (SELECT abs(other.quantity) * COALESCE(other_uom.factor, 1) AS amount) sold
                        WHERE other.display_type = 'product' AND %s) about""",
            self._about(SQL("abs(other.balance) / NULLIF(sold.amount, 0)")),
            source,
            where,
        )

    def _about(self, price):
        # money is rounded to cents, so the border itself may lie a little beside half
        return SQL(
            "line.price BETWEEN %s * (%s - 0.000001) AND %s * (%s + 0.000001)",
            price,
            RETURN_PRICE[0],
            price,
            RETURN_PRICE[1],
        )

    def _select_advance_products(self):
        """Return the SELECT of the products of payment programs, archived or not."""
        Program = self.env["loyalty.program"]
        products = self.env["loyalty.rule"]._fields["product_ids"]
        return SQL(
            """SELECT sold.%(product)s FROM %(sold)s sold JOIN loyalty_rule rule ON rule.id = sold.%(rule)s
                 JOIN %(program)s program ON program.id = rule.program_id WHERE program.program_type IN %(types)s
               UNION ALL
               SELECT reward.discount_line_product_id FROM loyalty_reward reward
                 JOIN %(program)s program ON program.id = reward.program_id
                WHERE program.program_type IN %(types)s AND reward.discount_line_product_id IS NOT NULL""",
            product=SQL.identifier(products.column2),
            rule=SQL.identifier(products.column1),
            sold=SQL.identifier(products.relation),
            program=SQL.identifier(Program._table),
            types=_PAYMENT_PROGRAMS,
        )

    def _select_discount_products(self, company):
        """Return the SELECT of the products that take something off: of rewards, and of Odoo's discount on an order."""
        # sudo: which product it is decides the same for everybody.
        discount = company.sudo().sale_discount_product_id
        return SQL(
            """SELECT discount_line_product_id FROM loyalty_reward WHERE discount_line_product_id IS NOT NULL
               UNION ALL SELECT product_id FROM crm_value_rebate
               UNION ALL SELECT unnest(%s::int[])""",
            discount.ids,
        )

    def _select_marked_products(self, name):
        """Return the SELECT of the products with a mark (see `crm.value.counting`), None where there are none."""
        templates = self.env["crm.value.counting"]._template_ids(name)
        return (
            SQL("SELECT marked.id FROM product_product marked WHERE marked.product_tmpl_id = ANY(%s)", list(templates))
            if templates
            else None
        )

    def _with_mark(self, order_lines, name):
        """Return those lines of orders whose product has a mark, as `_is_marked` says of documents."""
        templates = set(self.env["crm.value.counting"]._template_ids(name))
        return order_lines.filtered(lambda line: line.product_id.product_tmpl_id.id in templates)

    def _is_advance(self, order_lines):
        """Return those lines of orders that are advances, as they will be on a document."""
        advances = order_lines.filtered("is_downpayment")
        services = (order_lines - advances).filtered(lambda line: line.product_id.type == "service")
        if not services:
            return advances
        for name in ("loyalty.program", "loyalty.rule", "loyalty.reward"):
            self.env[name].flush_model()
        products = {product_id for [product_id] in self.env.execute_query(self._select_advance_products())}
        return advances + services.filtered(lambda line: line.product_id.id in products)

    # what advances cost

    def _advance_cost(self, company):
        """Return the SQL of the cost of an advance: its revenue, but what was booked where it was in a currency."""
        return SQL(
            """
            CASE WHEN line.is_downpayment AND line.is_cancelled THEN 0
                 WHEN line.is_downpayment AND line.revenue < 0 AND line.currency_id != %s THEN COALESCE((
                      SELECT -line.amount_currency * sum(booked.balance) / NULLIF(sum(booked.amount_currency), 0)
                        FROM sale_order_line_invoice_rel also
                        JOIN account_move_line booked ON booked.id = also.invoice_line_id
                       WHERE also.order_line_id = line.order_line_id AND booked.balance < 0
                         AND booked.currency_id = line.currency_id AND booked.parent_state = 'posted'), line.revenue)
                 ELSE line.revenue END
            """,
            company.currency_id.id,
        )

    def _former_cost(self, company):
        """Return the SQL of the cost by the rules of version 19.0.1.1, which decided by the type of the document.

        A frozen margin is corrected by the difference (see `crm.value.document._renew`).
        """
        return SQL(
            """
            CASE WHEN line.display_type = 'rounding' THEN line.revenue
                 WHEN line.is_downpayment THEN -line.balance
                 WHEN line.order_cost != 0 THEN line.sign * line.quantity * line.order_cost
                 WHEN line.own_cost != 0 THEN line.sign * line.quantity * line.own_cost * line.to_product_uom
                 WHEN line.sign * -line.balance < 0 THEN 0
                 ELSE line.revenue * (1 - %s) END
            """,
            company.value_margin_rate,
        )

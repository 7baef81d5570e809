import numpy as np

from odoo import models
from odoo.tools import SQL

from ..lib.columns import Columns
from ..lib.postgres.binary_copy import NO_DATE, copy_out
from ..lib.products.shares import share_out
from . import readable

#: what a source of lines returns
LINE_COLUMNS = [
    ("partner", "int4"),
    ("document", "int4"),
    ("product", "int4"),
    ("uom", "int4"),
    ("day", "date"),
    ("quantity", "float8"),
    ("revenue", "float8"),
    ("margin", "float8"),
    ("is_loose", "bool"),
]
_LATEST_DAY = 99_999


class CrmValueProductReader(models.AbstractModel):
    """What customers bought of which product: the lines of their documents, and of other sources of purchases.

    How to use: `_read` returns the lines with the revenue and the margin that fall on each. Another module adds a
    source of lines by extending `_line_sources`, `_document_sources` and `_origin_sources`, as it adds purchases by
    `_sources` of `crm.value.purchase`; and `_sold_conditions`, which says what was bought since a day.

    How it works: most lines are goods at first sight (`_is_plain` of `crm.value.line.kind`), and are read as they are;
    of the others, `crm.value.line.kind` says what they are. Advances are left out. Margins are those that were recorded
    when the document was posted, shared out among its lines (lib/products/shares.py); a fee takes its share along,
    as a line of no product, and is left out then.
    """

    _name = "crm.value.product.reader"
    _description = "Purchases by Product: Reader"

    def _read(self, basis):
        """Return the lines of goods and allowances of all, or some, customers of a company.

        :return: columns ``partner``, ``product`` (id), ``day``, ``bought_on`` (see lib/products/history.py),
            ``quantity`` (in the unit of the product), ``revenue``, ``margin``; and the products, columns ``id``,
            ``template``, ``category``, ``is_service``, sorted by id
        """
        self.env.flush_all()
        products = self._read_products(basis.company)
        lines = copy_out(self.env.cr, SQL(" UNION ALL ").join(self._line_sources(basis)), LINE_COLUMNS)
        is_day = (lines["day"] >= 0) & (lines["day"] <= _LATEST_DAY)
        is_number = np.isfinite(lines["revenue"]) & np.isfinite(lines["quantity"])
        lines = {name: column[is_day & is_number] for name, column in lines.items()}
        if len(products["id"]):
            self._cost_plain_lines(basis.company, lines, products)
        documents = self._read_documents(basis)
        lines = share_out(lines, documents["id"], documents["margin"])
        lines["bought_on"] = self._days_bought(basis, lines, documents)
        has_product = lines["product"] > 0
        return {name: column[has_product] for name, column in lines.items()}, products

    def _line_sources(self, basis):
        """Return a list of SELECTs with the columns of `LINE_COLUMNS`.

        A margin that is NaN is worked out from the product's cost, a unit of 0 is the product's own. The id of a
        document of another source is below 0.
        """
        return [self._select_plain_lines(basis), self._select_other_lines(basis)]

    def _sold_conditions(self, company):
        """Return a list of conditions that a row of ``suggestion`` was bought since its date, one for each source."""
        return [
            SQL(
                """EXISTS (
                   SELECT FROM account_move move JOIN account_move_line line ON line.move_id = move.id
                     JOIN product_product product ON product.id = line.product_id
                    WHERE move.commercial_partner_id = suggestion.partner_id
                      AND move.company_id = suggestion.company_id AND %s
                      AND COALESCE(move.invoice_date, move.date) >= suggestion.date AND line.balance < 0
                      AND product.product_tmpl_id = suggestion.product_tmpl_id)""",
                self.env["crm.value.purchase"]._where_document("move"),
            )
        ]

    def _select_plain_lines(self, basis):
        """Return the SELECT of the lines that are goods at first sight."""
        return SQL(
            """
            SELECT move.commercial_partner_id::int4, line.move_id::int4, line.product_id::int4,
                   COALESCE(line.product_uom_id, 0)::int4, %(day)s, abs(line.quantity)::float8,
                   (-line.balance)::float8, 'NaN'::float8, FALSE
              FROM account_move move JOIN account_move_line line ON line.move_id = move.id
             WHERE move.company_id = %(company)s AND %(is_document)s AND %(is_plain)s AND %(partners)s
            """,
            day=self._day(SQL("COALESCE(move.invoice_date, move.date)")),
            company=basis.company.id,
            is_document=self.env["crm.value.purchase"]._where_document("move", basis),
            is_plain=self.env["crm.value.line.kind"]._is_plain(basis.company),
            partners=basis.where(SQL("move.commercial_partner_id")),
        )

    def _select_other_lines(self, basis):
        """Return the SELECT of all other lines but advances, by their kind."""
        Kind = self.env["crm.value.line.kind"]
        condition = SQL("IS NOT NULL")
        if basis.partner_ids is not None or basis.span:
            condition = SQL(
                "IN (SELECT id FROM account_move WHERE %s)", basis.where(SQL("account_move.commercial_partner_id"))
            )
        is_document = self.env["crm.value.purchase"]._where_document("move", basis)
        lines = SQL("%s AND NOT (%s)", is_document, Kind._is_plain(basis.company))
        return SQL(
            """
            SELECT other.partner_id::int4, other.move_id::int4,
                   CASE WHEN other.kind = 'fee' THEN 0 ELSE COALESCE(other.product_id, 0) END::int4, 0,
                   %(day)s, CASE WHEN other.kind = 'goods' THEN other.quantity ELSE 0 END::float8,
                   COALESCE(other.revenue, 0)::float8, COALESCE(other.revenue - other.cost, 0)::float8,
                   other.kind = 'rounding' OR other.kind = 'allowance' AND
                   (other.product_id IS NULL OR other.product_id IN (%(discounts)s))
              FROM (%(lines)s) other WHERE other.kind != 'advance'
            """,
            day=self._day(SQL("other.day")),
            discounts=Kind._select_discount_products(basis.company),
            lines=Kind._select(basis.company, condition, 2, lines=lines),
        )

    def _day(self, day):
        return SQL("COALESCE(%s, '-infinity')", readable.day(day))

    def _read_products(self, company):
        """Return the products of the database, archived ones included, sorted by id."""
        # sudo: the cost is hidden from some users; the margin of a line is behind its own group.
        cost = self.env["product.product"].sudo().with_company(company)._field_to_sql("product", "standard_price")
        return copy_out(
            self.env.cr,
            SQL(
                """
            SELECT product.id::int4, template.id::int4, COALESCE(template.categ_id, 0)::int4,
                   template.type = 'service', COALESCE(%s, 0)::float8, COALESCE(uom.factor, 1)::float8
              FROM product_product product JOIN product_template template ON template.id = product.product_tmpl_id
              LEFT JOIN uom_uom uom ON uom.id = template.uom_id
             ORDER BY product.id
            """,
                cost,
            ),
            [
                ("id", "int4"),
                ("template", "int4"),
                ("category", "int4"),
                ("is_service", "bool"),
                ("cost", "float8"),
                ("factor", "float8"),
            ],
        )

    def _cost_plain_lines(self, company, lines, products):
        """Bring quantities into the unit of the product, and work out the margin where the source left it open."""
        place = np.minimum(np.searchsorted(products["id"], lines["product"]), len(products["id"]) - 1)
        is_known = products["id"][place] == lines["product"]
        factors = dict(self.env.execute_query(SQL("SELECT id, factor::float8 FROM uom_uom")))
        table = np.zeros(max(factors, default=0) + 1)
        table[list(factors)] = list(factors.values())
        unit = np.where(lines["uom"] > 0, table[np.minimum(lines["uom"], len(table) - 1)], 0.0)
        own = products["factor"][place]
        has_unit = is_known & (unit > 0) & (own > 0)
        lines["quantity"] = lines["quantity"] * np.where(has_unit, unit / np.where(own > 0, own, 1.0), 1.0)
        cost = np.where(is_known, products["cost"][place], 0.0)
        is_open = np.isnan(lines["margin"])
        margin = np.where(
            cost != 0, lines["revenue"] - lines["quantity"] * cost, lines["revenue"] * company.value_margin_rate
        )
        lines["margin"] = np.where(is_open, margin, lines["margin"])
        lines["product"] = np.where(is_known, lines["product"], 0)

    def _read_documents(self, basis):
        """Return what is recorded of the documents: id, margin, is_correction; sorted by id."""
        return copy_out(
            self.env.cr,
            SQL("%s ORDER BY 1", SQL(" UNION ALL ").join(self._document_sources(basis))),
            [("id", "int4"), ("margin", "float8"), ("is_correction", "bool")],
        )

    def _document_sources(self, basis):
        """Return a list of SELECTs of the id of a document, its recorded margin and whether it is a correction."""
        return [
            SQL(
                """
            SELECT document.move_id::int4 AS id, document.margin::float8 AS margin, document.role = 'correction'
              FROM crm_value_document document JOIN account_move move ON move.id = document.move_id
             WHERE move.company_id = %s AND document.role IS NOT NULL AND document.margin IS NOT NULL AND %s
            """,
                basis.company.id,
                basis.where(SQL("move.commercial_partner_id")),
            )
        ]

    def _days_bought(self, basis, lines: Columns, documents: Columns):
        """Return the day that each line adds to or takes from: that of its document's origin, where it has one."""
        bought_on = lines["day"].copy()
        corrections = documents["id"][documents["is_correction"]]
        if len(corrections):
            bought_on[np.isin(lines["document"], corrections)] = -1
        origins = copy_out(
            self.env.cr,
            SQL(
                "SELECT document, day FROM (%s) origin ORDER BY 1", SQL(" UNION ALL ").join(self._origin_sources(basis))
            ),
            [("document", "int4"), ("day", "date")],
        )
        if len(origins["document"]):
            place = np.minimum(np.searchsorted(origins["document"], lines["document"]), len(origins["document"]) - 1)
            has_origin = (origins["document"][place] == lines["document"]) & (origins["day"][place] != NO_DATE)
            # an order of another source may sell again what it takes back: that is bought on its own day
            has_origin &= (lines["document"] > 0) | (lines["revenue"] < 0)
            bought_on = np.where(has_origin, origins["day"][place], bought_on)
        return bought_on

    def _origin_sources(self, basis):
        """Return a list of SELECTs of document, day: on which day a document adds to or takes from, if not its own."""
        return [
            SQL(
                """
            (SELECT DISTINCT ON (link.move_id) link.move_id::int4 AS document, %s AS day
              FROM crm_value_document_origin link
              JOIN account_move move ON move.id = link.move_id
              JOIN account_move origin ON origin.id = link.origin_id
             WHERE link.amount != 0 AND move.company_id = %s AND %s
             ORDER BY link.move_id, abs(link.amount) DESC, link.id)
            """,
                self._day(SQL("COALESCE(origin.invoice_date, origin.date)")),
                basis.company.id,
                basis.where(SQL("move.commercial_partner_id")),
            )
        ]

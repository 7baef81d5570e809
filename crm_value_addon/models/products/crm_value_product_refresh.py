import numpy as np

from odoo import api, models
from odoo.tools import SQL

from ...lib.columns import take
from ...lib.postgres import binary_copy
from ...lib.postgres.binary_copy import NO_DATE, copy_out, day_number, id_array
from ...lib.products.history import STATES, Calendar, histories
from ...lib.windows import windows

#: a company that sells at most so many products sees its products, one that sells more their categories
FEW_PRODUCTS = 200
_TABLE = "crm_value_product_incoming"
_AMOUNTS = ("revenue_12m", "revenue_previous_12m", "margin_12m", "margin_previous_12m", "revenue_at_stake")
#: the columns that a refresh writes, beside the key
_KINDS = [
    ("category_id", "int4"),
    ("is_service", "bool"),
    ("first_date", "date"),
    ("last_date", "date"),
    ("purchase_count", "int4"),
    ("quantity_12m", "float8"),
    *((name, "numeric") for name in _AMOUNTS),
    ("usual_days", "int4"),
    ("expected_date", "date"),
    ("state", "int2"),
]
_KEY = [("row", "int4"), ("partner_id", "int4"), ("product_tmpl_id", "int4")]
#: ids of products and categories are below this: customer and item in one number
_ITEMS = 2**31


class CrmValueProductRefresh(models.AbstractModel):
    """Writes what customers buy of which category or product: all customers every night, and those who changed.

    How to use: the refresh calls `_refresh` once the documents are frozen, `_add_breadth` for the figure that follows
    from the rows, and `_link_values` when the values are stored.

    How it works: `crm.value.product.reader` reads the lines, lib/products/ sums them, and only the rows whose digest
    differs from the stored one are written. A product that changed its category takes its history along, because the
    rows follow from the products as they are now.
    """

    _name = "crm.value.product.refresh"
    _description = "Customer and Product: Refresh"

    @api.model
    def _refresh(self, basis):
        """Bring the rows of all, or some, customers up to date."""
        level = self._level(basis)
        if level == "none":
            self._delete_rows(self._read_stored(basis, level)["id"])
            return
        rows = self._rows(basis, level)
        stored = self._read_stored(basis, level)
        self._delete_rows(stored["id"][~np.isin(stored["key"], rows["key"])])
        if not len(rows["key"]):
            return
        rows["row"] = np.zeros(len(rows["key"]), np.int64)
        is_new = np.ones(len(rows["key"]), bool)
        if len(stored["key"]):
            order = np.argsort(stored["key"])
            place = order[np.minimum(np.searchsorted(stored["key"], rows["key"], sorter=order), len(order) - 1)]
            is_new = stored["key"][place] != rows["key"]
            rows["row"] = np.where(is_new, 0, stored["id"][place])
            is_new |= stored["figures_digest"][place] != rows["figures_digest"]
        self._write_rows(basis, take(rows, is_new))

    @api.model
    def _level(self, basis):
        """Return what a row is about: "product", "category", "top" or "none" where the company wants no rows.

        Changed customers get the level that all others have, until the refresh of all customers.
        """
        level = basis.company.value_product_level
        if level != "auto":
            return level
        if basis.partner_ids is not None:
            stored = self.env.execute_query(
                SQL(
                    "SELECT product_tmpl_id IS NOT NULL FROM crm_value_product WHERE company_id = %s LIMIT 1",
                    basis.company.id,
                )
            )
            if stored:
                return "product" if stored[0][0] else "category"
        # sudo: how many products there are decides the same for everybody
        count = (
            self.env["product.template"]
            .sudo()
            .search_count(
                [("sale_ok", "=", True), ("company_id", "in", [False, basis.company.id])], limit=FEW_PRODUCTS + 1
            )
        )
        return "product" if count <= FEW_PRODUCTS else "category"

    @api.model
    def _calendar(self, basis):
        company, window = basis.company, windows(basis.as_of)["revenue_12m"]
        previous = windows(window[0])["revenue_12m"][0], window[0]
        return Calendar(
            today=day_number(basis.as_of),
            last_12m=tuple(map(day_number, window)),
            previous_12m=tuple(map(day_number, previous)),
            slipping_factor=company.value_risk_factor,
            lost_factor=company.value_lost_factor,
        )

    @api.model
    def _rows(self, basis, level):
        """Return the rows as they shall be, columns with the names of the fields, plus ``key``."""
        lines, products = self.env["crm.value.product.reader"]._read(basis)
        items = self._items(products, level)
        place = np.searchsorted(products["id"], lines["product"]) if len(products["id"]) else lines["product"]
        calendar = self._calendar(basis)
        lines |= {"item": items[place], "partner": lines["partner"]}
        rows = histories(lines, calendar)
        rows["is_service"] = self._are_services(lines, products["is_service"][place], rows)
        rows = take(rows, self._are_kept(basis, rows))
        names = {"partner": "partner_id", "first_day": "first_date", "last_day": "last_date"}
        names |= {"count": "purchase_count", "at_stake": "revenue_at_stake", "expected_day": "expected_date"}
        rows = {names.get(name, name): column for name, column in rows.items()}
        rows["expected_date"] = np.where(rows["expected_date"] > 0, rows["expected_date"], NO_DATE)
        rows["quantity_12m"] = np.round(rows["quantity_12m"], 6)
        if level == "product":
            template, first = np.unique(products["template"], return_index=True)
            rows["category_id"] = products["category"][first][np.searchsorted(template, rows["item"])]
            rows["product_tmpl_id"] = rows["item"]
        else:
            rows["category_id"], rows["product_tmpl_id"] = rows["item"], np.zeros(len(rows["item"]), np.int64)
        rows["key"] = rows["partner_id"] * _ITEMS + rows["item"]
        rows["figures_digest"] = binary_copy.digest(rows, _KINDS, basis.money)
        return rows

    @api.model
    def _items(self, products, level):
        """Return what each product counts for: its template, its category or the first level of that."""
        if level == "product":
            return products["template"]
        if level == "category":
            return products["category"]
        self.env["product.category"].flush_model(["parent_path"])
        first_level = SQL("SELECT id, split_part(parent_path, '/', 1)::int FROM product_category")
        tops = dict(self.env.execute_query(first_level))
        category, place = np.unique(products["category"], return_inverse=True)
        return np.array([tops.get(number, number) for number in category.tolist()], np.int64)[place]

    @api.model
    def _are_services(self, lines, is_service, rows):
        """Return for each row whether services brought more of its revenue than goods."""
        key = lines["partner"].astype(np.int64) * _ITEMS + lines["item"]
        row_key = rows["partner"] * _ITEMS + rows["item"]
        if not len(row_key):
            return np.zeros(0, bool)
        place = np.minimum(np.searchsorted(row_key, key), len(row_key) - 1)
        signed = np.where(row_key[place] == key, np.where(is_service, lines["revenue"], -lines["revenue"]), 0.0)
        return np.bincount(place, weights=signed, minlength=len(row_key)) > 0

    @api.model
    def _are_kept(self, basis, rows):
        """Return which rows stay: those not too old, of customers who want to be evaluated."""
        kept = np.ones(len(rows["partner"]), bool)
        months = basis.company.value_product_months
        if months:
            kept &= rows["last_day"] > day_number(basis.as_of) - months * 365.25 / 12
        return kept & ~self.env["crm.value.opt.out"]._are_opted_out({"partner_id": rows["partner"]})

    # the table

    @api.model
    def _read_stored(self, basis, level):
        item = SQL(
            "COALESCE(product_tmpl_id, -1)"
            if level == "product"
            else "CASE WHEN product_tmpl_id IS NULL THEN COALESCE(category_id, 0) ELSE -1 END"
        )
        return copy_out(
            self.env.cr,
            SQL(
                """SELECT id::int4, partner_id::int8 * %s + %s, COALESCE(figures_digest, 0)
                     FROM crm_value_product WHERE company_id = %s AND %s""",
                _ITEMS,
                item,
                basis.company.id,
                basis.where(SQL("partner_id")),
            ),
            [("id", "int4"), ("key", "int8"), ("figures_digest", "float8")],
        )

    @api.model
    def _delete_rows(self, ids):
        if len(ids):
            self.env.cr.execute(SQL("DELETE FROM crm_value_product WHERE id = ANY(%s::int[])", id_array(ids)))
            self.env["crm.value.product"].invalidate_model()

    @api.model
    def _write_rows(self, basis, rows):
        """Insert the new rows among some, and update the others."""
        if not len(rows["row"]):
            return
        kinds = [*_KEY, *_KINDS, ("figures_digest", "float8")]
        incoming = self.env["crm.value.writer"]._incoming_rows(_TABLE, rows, kinds, basis.money)
        names = [name for name, _kind in _KINDS] + ["figures_digest"]
        if (rows["row"] > 0).any():
            self.env.cr.execute(
                SQL(
                    "UPDATE crm_value_product stored SET %s FROM %s incoming WHERE stored.id = incoming.row",
                    SQL(", ").join(SQL("%s = %s", SQL.identifier(name), self._incoming(name)) for name in names),
                    incoming,
                )
            )
        if (rows["row"] == 0).any():
            self.env.cr.execute(
                SQL(
                    """
                INSERT INTO crm_value_product (partner_id, company_id, value_id, product_tmpl_id, %(names)s)
                SELECT incoming.partner_id, %(company)s, value.id, NULLIF(incoming.product_tmpl_id, 0), %(values)s
                  FROM %(table)s incoming JOIN res_partner partner ON partner.id = incoming.partner_id
                  LEFT JOIN crm_value value ON value.partner_id = incoming.partner_id
                                           AND value.company_id = %(company)s
                 WHERE incoming.row = 0
                """,
                    names=SQL(", ").join(map(SQL.identifier, names)),
                    company=basis.company.id,
                    values=SQL(", ").join(map(self._incoming, names)),
                    table=incoming,
                )
            )
        self.env["crm.value.product"].invalidate_model()

    @api.model
    def _incoming(self, name):
        """Return the SQL of a column's new value, with NULL where the fixed width of COPY has none."""
        column = SQL("incoming.%s", SQL.identifier(name))
        if name in ("expected_date",):
            return SQL("NULLIF(%s, '-infinity'::date)", column)
        if name == "category_id":
            return SQL("NULLIF(%s, 0)", column)
        if name == "state":
            return SQL("(%s::varchar[])[%s]", list(STATES), column)
        return column

    # what follows from the rows

    @api.model
    def _add_breadth(self, basis, columns):
        """Add of how many categories each customer bought something in the last 12 months."""
        customers = columns["partner_id"]
        found = copy_out(
            self.env.cr,
            SQL(
                """SELECT partner_id::int4, count(DISTINCT COALESCE(category_id, 0))::int4 FROM crm_value_product
                    WHERE company_id = %s AND revenue_12m > 0 AND %s GROUP BY partner_id""",
                basis.company.id,
                basis.where(SQL("partner_id")),
            ),
            [("partner", "int4"), ("count", "int4")],
        )
        is_known = np.isin(found["partner"], customers)
        breadth = np.zeros(len(customers), np.int32)
        breadth[np.searchsorted(customers, found["partner"][is_known])] = found["count"][is_known]
        return columns | {"category_count": breadth}

    @api.model
    def _link_values(self, company, partner_ids=None):
        """Link the rows to the values of their customers that were stored after them."""
        partners = SQL()
        if partner_ids is not None:
            partners = SQL("AND product.partner_id = ANY(%s::int[])", id_array(partner_ids))
        self.env.cr.execute(
            SQL(
                """
            UPDATE crm_value_product product SET value_id = value.id FROM crm_value value
             WHERE product.value_id IS NULL AND product.company_id = %(company)s %(partners)s
               AND value.partner_id = product.partner_id AND value.company_id = %(company)s
            """,
                company=company.id,
                partners=partners,
            )
        )
        if self.env.cr.rowcount:
            self.env["crm.value.product"].invalidate_model()
            self.env["crm.value"].invalidate_model(["product_ids"])

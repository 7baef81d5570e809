from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL, float_is_zero, format_date, ormcache

from ...const import CUSTOMER_DOCUMENTS, MARGIN_GROUP

#: of several purchases in one row without a first day, this many days up to the row's day are taken for their time
_SPREAD_DAYS = 365
#: purchases in one row, and the largest amount whose cents a float still holds
_MOST_PURCHASES, _MOST_MONEY = 999, 9e13
#: ids of the rows in `crm.value.purchase`: below those of documents (above 0) and of every till (above -2 ** 31)
_FIRST_ID = 10**10


class CrmValueOpening(models.Model):
    """What a customer bought before its documents were kept in Odoo.

    How to use: Odoo's own import screen loads the rows. They count as a source of purchases beside the documents
    (`_select_source`), never in the books: nothing is posted, and a refresh records their sum by itself.

    How it works: the money of a row falls on its day. Several purchases in a row are spread evenly from the first day
    to the row's day, each an equal part of the amount, so that customers keep a rhythm. A posted document of the same
    customer that carries the reference of a row replaces it (`_settle`); the row counts again as soon as the document
    is reset. Whatever moves a tier because of these rows is silent.
    """

    _name = "crm.value.opening"
    _description = "Opening Purchase"
    _order = "date desc, id desc"
    _rec_name = "reference"

    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        ondelete="cascade",
        index=True,
        help="Of a contact, the company that it belongs to is the customer, as for documents",
    )
    company_id = fields.Many2one(
        "res.company", required=True, ondelete="cascade", index=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    date = fields.Date(required=True, help="The day of the purchase; of several, the day of the last one")
    first_date = fields.Date(
        string="First Purchase",
        help="Only of several purchases: the day of the first one. Empty: within the year up to the date",
    )
    amount = fields.Monetary(required=True, help="Untaxed, in the currency of the company; below 0, it was given back")
    is_margin_known = fields.Boolean(
        string="Margin Known", help="Otherwise the margin is that of the company's margin rate"
    )
    margin = fields.Monetary(groups=MARGIN_GROUP)
    purchase_count = fields.Integer(string="Purchases", default=1, required=True)
    reference = fields.Char(
        index="btree_not_null",
        help="Number of the sale. A posted document of the customer with this number or reference replaces the row.",
    )
    move_id = fields.Many2one(
        "account.move",
        string="Replaced by",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
        copy=False,
        help="The document that counts in the place of this row",
    )

    # what can be loaded

    @api.constrains("date", "first_date", "purchase_count")
    def _check_days(self):
        for row in self:
            if row.date > row.company_id._value_today():
                raise ValidationError(
                    self.env._(
                        "%(customer)s: an opening purchase lies in the past, not on %(day)s.",
                        customer=row.partner_id.display_name,
                        day=format_date(self.env, row.date),
                    )
                )
            if row.first_date and row.first_date > row.date:
                raise ValidationError(
                    self.env._(
                        "%(customer)s: the first purchase cannot be after the last one.",
                        customer=row.partner_id.display_name,
                    )
                )
            if not 1 <= row.purchase_count <= _MOST_PURCHASES:
                raise ValidationError(
                    self.env._(
                        "%(customer)s: a row is for 1 to %(most)s purchases.",
                        customer=row.partner_id.display_name,
                        most=_MOST_PURCHASES,
                    )
                )

    @api.model
    def _check_numbers(self, vals_list):
        for amount in (vals.get(name) for vals in vals_list for name in ("amount", "margin")):
            if not abs(amount or 0.0) < _MOST_MONEY:  # also what is no number
                raise ValidationError(self.env._("An amount of an opening purchase is beyond any range."))

    @api.constrains("amount", "purchase_count")
    def _check_amount(self):
        for row in self:
            customer = row.partner_id.display_name
            if float_is_zero(row.amount, precision_rounding=row.currency_id.rounding):
                raise ValidationError(self.env._("%(customer)s: the amount is missing.", customer=customer))
            if row.amount < 0 and row.purchase_count > 1:
                raise ValidationError(
                    self.env._(
                        "%(customer)s: an amount below 0 was given back, which is no purchase: load it with 1.",
                        customer=customer,
                    )
                )

    @api.constrains("reference", "partner_id", "company_id")
    def _check_reference(self):
        """Refuse the same sale twice. A unique index would stop merges of customers with a row of the same number."""
        named = self.filtered("reference")
        found = self._read_group(
            [
                ("partner_id", "in", named.partner_id.ids),
                ("company_id", "in", named.company_id.ids),
                ("reference", "in", named.mapped("reference")),
            ],
            ["partner_id", "company_id", "reference"],
            having=[("__count", ">", 1)],
        )
        for partner, company, reference in found:
            if named.filtered(
                lambda row, key=(partner, company, reference): (row.partner_id, row.company_id, row.reference) == key
            ):
                raise ValidationError(
                    self.env._(
                        "%(reference)s of %(customer)s is loaded already.",
                        reference=reference,
                        customer=partner.display_name,
                    )
                )

    # loading

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            vals.pop("move_id", None)
            # an empty cell of a file is False, and 0 is a margin
            vals.setdefault("is_margin_known", vals.get("margin") is not None and vals["margin"] is not False)
        self._check_numbers(vals_list)
        rows = super().create(self._with_customers(vals_list))
        rows.filtered(lambda row: not row.is_margin_known)._set_margin_by_rate()
        self._wake_source(True)
        rows._count_anew(rows._keys())
        return rows

    def write(self, vals):
        before = self._keys()
        self._check_numbers([vals])
        [vals] = self._with_customers([vals])
        result = super().write({name: value for name, value in vals.items() if name != "move_id"})
        if {"amount", "company_id", "is_margin_known"} & vals.keys():
            self.filtered(lambda row: not row.is_margin_known)._set_margin_by_rate()
        self._count_anew(before | self._keys())
        return result

    def unlink(self):
        keys = self._keys()
        result = super().unlink()
        self._count_anew(keys)
        self._wake_source(bool(self.sudo().search_count([], limit=1)))  # sudo: rows of any company
        return result

    @api.model
    def _with_customers(self, vals_list):
        """Return the values with commercial partners for the contacts."""
        partners = self.env["res.partner"].browse([vals["partner_id"] for vals in vals_list if vals.get("partner_id")])
        partners.fetch(["commercial_partner_id"])
        customer_of = {partner.id: partner.commercial_partner_id.id for partner in partners}
        return [
            vals | ({"partner_id": customer_of[vals["partner_id"]]} if vals.get("partner_id") else {})
            for vals in vals_list
        ]

    def _set_margin_by_rate(self):
        for row in self:
            # sudo: whoever loads a row need not see margins; past our own write
            super(CrmValueOpening, row.sudo()).write(  # pylint: disable=super-method-mismatch
                {"margin": row.currency_id.round(row.amount * row.company_id.value_margin_rate)}
            )

    def _keys(self):
        return {(row.partner_id.id, row.company_id.id, 0) for row in self}

    @api.model
    def _count_anew(self, keys):
        """Let these customers be refreshed, and what changes be silent.

        :param keys: as in `crm.value.queue._push`
        """
        self.env.flush_all()
        companies = {}
        for partner_id, company_id, _move in keys:
            companies.setdefault(company_id, []).append(partner_id)
        for company_id, partner_ids in companies.items():
            self._settle(self.env["res.company"].browse(company_id), partner_ids)
            self._mark_imported(company_id, partner_ids)
        self.env["crm.value.queue"]._push(keys)

    @api.model
    def _mark_imported(self, company_id, partner_ids):
        """Let the next change of these customers' tiers be silent; who has no value yet gets its row now."""
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value (partner_id, company_id, tier_cause)
            SELECT id, %s, 'import' FROM unnest(%s::int[]) customer(id) ORDER BY id
            ON CONFLICT (partner_id, company_id) DO UPDATE SET tier_cause = 'import'
            """,
                company_id,
                list(partner_ids),
            )
        )
        self.env["crm.value"].invalidate_model()

    # replaced by documents

    @api.model
    def _settle(self, company, partner_ids):
        """Note which rows of some customers a posted document replaces, and which ones no longer."""
        if not self._is_used():
            return
        self.env.cr.execute(
            SQL(
                """
            UPDATE crm_value_opening own SET move_id = found.move_id
              FROM (SELECT mine.id, (
                           SELECT min(move.id) FROM account_move move
                            WHERE move.commercial_partner_id = mine.partner_id AND move.company_id = mine.company_id
                              AND mine.reference IN (move.name, move.ref, move.payment_reference, move.invoice_origin)
                              AND (move.move_type = 'out_refund') = (mine.amount < 0)
                              AND move.state = 'posted' AND move.move_type IN %s) AS move_id
                      FROM crm_value_opening mine
                     WHERE mine.company_id = %s AND mine.partner_id = ANY(%s) AND mine.reference IS NOT NULL) found
             WHERE own.id = found.id AND own.move_id IS DISTINCT FROM found.move_id
            """,
                CUSTOMER_DOCUMENTS,
                company.id,
                list(partner_ids),
            )
        )
        self.invalidate_model(["move_id"])

    @api.model
    def _hand_over(self, customers, customer):
        """Give the rows of customers that become one to the one that remains, as Odoo does with their documents."""
        self.env.cr.execute(
            SQL("UPDATE crm_value_opening SET partner_id = %s WHERE partner_id = ANY(%s)", customer.id, customers.ids)
        )
        self.invalidate_model(["partner_id"])

    # the source of purchases

    @api.model
    @ormcache()
    def _is_used(self):
        """Tell whether there is any row; without one, no refresh reads the table."""
        return bool(self.env.execute_query(SQL("SELECT FROM crm_value_opening LIMIT 1")))

    @api.model
    def _wake_source(self, is_used):
        if self._is_used() != is_used:
            self.env.registry.clear_cache()

    @api.model
    def _select_source(self):
        """Return the SELECT of the rows that no document replaces (columns: see `crm.value.purchase._sources`)."""
        return SQL(
            """
            SELECT -(%(first_id)s + own.id::bigint * %(span)s + place.number) AS id, own.partner_id, own.company_id,
                   own.date - CASE WHEN place.number = 0 THEN 0
                                   ELSE round(time.days * place.number
                                              / (own.purchase_count - time.share))::int END AS date,
                   CASE WHEN place.number = 0 THEN own.amount ELSE 0 END AS revenue,
                   CASE WHEN place.number = 0 THEN COALESCE(own.margin, 0) ELSE 0 END AS margin,
                   GREATEST(-own.amount, 0) AS refund,
                   CASE WHEN own.amount < 0 THEN 0
                        WHEN place.number > 0 THEN part.amount
                        ELSE own.amount - part.amount * (own.purchase_count - 1) END AS purchase_revenue,
                   TRUE AS is_frozen
              FROM crm_value_opening own
              CROSS JOIN LATERAL generate_series(0, own.purchase_count - 1) AS place(number)
              CROSS JOIN LATERAL (SELECT round(own.amount / own.purchase_count, 2) AS amount) part
              CROSS JOIN LATERAL (SELECT COALESCE(own.date - own.first_date, %(days)s)::numeric AS days,
                                         CASE WHEN own.first_date IS NULL THEN 0 ELSE 1 END AS share) time
             WHERE own.move_id IS NULL
            """,
            first_id=_FIRST_ID,
            span=_MOST_PURCHASES + 1,
            days=_SPREAD_DAYS,
        )

    @api.model
    def _query_revenue(self, company):
        """Return the SELECT of the revenue of the rows of a company that count (one figure)."""
        return SQL(
            "SELECT COALESCE(sum(amount), 0) FROM crm_value_opening WHERE company_id = %s AND move_id IS NULL",
            company.id,
        )

    @api.model
    def _select_customers(self, company):
        """Return the SELECT of the customers of a company with a row: partner_id."""
        return SQL("SELECT partner_id FROM crm_value_opening WHERE company_id = %s", company.id)

    @api.model
    def get_import_templates(self):
        """Return the file that Odoo's import screen offers.

        :raise AccessError: the user may not load opening purchases
        """
        self.check_access("create")
        return [
            {
                "label": self.env._("Import Template for Opening Purchases"),
                "template": "/crm_value_addon/static/import/opening_purchases.csv",
            }
        ]

    @api.model
    def _rows_by_day(self, purchases):
        """Return the ids of the rows that purchase days are made of: {(partner id, company id, day): ids}."""
        if not self._is_used():
            return {}
        found = self.env.execute_query(
            SQL(
                """
            SELECT partner_id, company_id, date, array_agg(DISTINCT ((-id - %s) / %s)::int) FROM (%s) source
             WHERE partner_id = ANY(%s) AND company_id = ANY(%s) AND date = ANY(%s) GROUP BY 1, 2, 3
            """,
                _FIRST_ID,
                _MOST_PURCHASES + 1,
                self._select_source(),
                purchases.partner_id.ids,
                purchases.company_id.ids,
                purchases.mapped("date"),
            )
        )
        return {(partner_id, company_id, day): ids for partner_id, company_id, day, ids in found}

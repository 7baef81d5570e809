from datetime import timedelta

import numpy as np

from odoo import api, models
from odoo.tools import SQL
from odoo.tools.misc import hmac

from ...lib.columns import take
from ...lib.postgres.binary_copy import day_number
from ...lib.recommendation import backtest
from ...lib.recommendation.reasons import reasons
from ...lib.uplift import Randomisation, is_in_control_group, uplift
from ..refresh.basis import Basis

#: the days held out, at most a quarter of the history
_HELD_OUT_DAYS = 90
#: customers who bought within so many days get suggestions
_ACTIVE_DAYS = 730
#: products that are told apart: the linear model takes 4 bytes for each pair of them
_MOST_PRODUCTS = 5_000
_TABLE = "crm_value_suggestion_incoming"
_KINDS = [
    ("partner_id", "int4"),
    ("product_tmpl_id", "int4"),
    ("rank", "int4"),
    ("share", "float8"),
    ("because_id", "int4"),
    ("because_also_id", "int4"),
    ("expected_margin", "numeric"),
    ("is_control", "bool"),
]


class CrmValueRecommenderFit(models.AbstractModel):
    """Fits the next products of a company and writes the suggestions for its customers.

    How to use: `_fit`.

    How it works: who bought what, from `crm.value.product.reader`, is cut on a day: each method of lib/recommendation
    is fitted on what was bought before, and held against what customers bought for the first time after. The method
    that surely beats the best sellers is fitted again on everything; where none does, the best sellers of the segment
    are suggested, and where too few customers bought anything new to tell, nothing is. A stable share of the customers
    always gets the best sellers, so that what the suggestions bring can be measured.
    """

    _name = "crm.value.recommender.fit"
    _description = "Next Products: Fitting"

    @api.model
    def _fit(self, company):
        """Hold the methods against each other, write the suggestions, and return the record of the fit."""
        basis = Basis(company, company._value_today())
        proof = self._measure(company)
        bought = self._read(basis)
        record = self.env["crm.value.recommender"].create(
            {
                "company_id": company.id,
                "date": basis.as_of,
                "state": "nothing",
                "customer_count": len(bought["partners"]),
                "product_count": len(bought["templates"]),
                **proof,
            }
        )
        self._delete_open(company)
        if len(bought["templates"]) <= 1 or not bought["offered"].any():
            return record
        scores, asked = self._backtest(basis, bought)
        method = backtest.choose(scores) if scores else False
        record.write(
            {
                "state": ("refused" if method == backtest.BEST_SELLERS else "used") if scores else "few",
                "method": method,
                "test_customer_count": asked,
                "backtest": {
                    name: {
                        "recall": round(score.recall, 4),
                        "ndcg": round(score.ndcg, 4),
                        "margin": round(score.margin, 4),
                    }
                    for name, score in scores.items()
                },
            }
        )
        if scores:
            record.suggestion_count = self._write(basis, self._suggest(company, bought, method))
            if not company.value_suggestion_since:
                company.value_suggestion_since = basis.as_of
        return record

    # what was bought

    @api.model
    def _read(self, basis):
        """Return who bought what: a dict of the places of customers and products, and their properties.

        ``customer``, ``product``, ``first_day``: a row for each pair that was ever bought; ``is_kept``: not wholly
        given back; ``partners``, ``segments``; ``templates``, ``margins`` (of a year and buyer), ``offered``.
        """
        lines, products = self.env["crm.value.product.reader"]._read(basis)
        lines = take(lines, ~self.env["crm.value.opt.out"]._are_opted_out({"partner_id": lines["partner"]}))
        template = products["template"][np.searchsorted(products["id"], lines["product"])]
        lines |= {"template": template.astype(np.int64)}
        lines = self._most_bought(lines)
        partners, customer = np.unique(lines["partner"], return_inverse=True)
        templates, product = np.unique(lines["template"], return_inverse=True)
        pairs, pair = np.unique(customer * max(len(templates), 1) + product, return_inverse=True)
        first_day = np.full(len(pairs), np.iinfo(np.int32).max)
        sold = lines["revenue"] > 0
        np.minimum.at(first_day, pair[sold], lines["day"][sold])
        revenue = np.bincount(pair, weights=lines["revenue"], minlength=len(pairs))
        is_recent = lines["day"] > day_number(basis.as_of) - 365
        margin = np.bincount(product, weights=np.where(is_recent, lines["margin"], 0), minlength=len(templates))
        rows = {
            "customer": pairs // max(len(templates), 1),
            "product": pairs % max(len(templates), 1),
            "first_day": first_day,
            "is_kept": revenue > 0,
        }
        last_day = np.zeros(len(partners), np.int64)
        np.maximum.at(last_day, customer, lines["day"])
        buyers = np.bincount(rows["product"], weights=rows["is_kept"], minlength=len(templates))
        return rows | {
            "partners": partners,
            "is_active": last_day > day_number(basis.as_of) - _ACTIVE_DAYS,
            "segments": self._segments(basis.company, partners),
            "templates": templates,
            "margins": margin / np.maximum(buyers, 1),
            "offered": self._are_offered(basis.company, templates),
        }

    @api.model
    def _most_bought(self, lines):
        templates, place = np.unique(lines["template"], return_inverse=True)
        if len(templates) <= _MOST_PRODUCTS:
            return lines
        count = np.bincount(place)
        least = np.sort(count)[-_MOST_PRODUCTS]
        return take(lines, (count >= least)[place])

    @api.model
    def _segments(self, company, partners):
        rows = dict(
            self.env.execute_query(
                SQL(
                    "SELECT partner_id, rfm_segment FROM crm_value WHERE company_id = %s AND rfm_segment IS NOT NULL",
                    company.id,
                )
            )
        )
        segments = [rows.get(partner_id, 0) for partner_id in partners.tolist()]
        return np.unique(np.array([0, *segments]), return_inverse=True)[1][1:]

    @api.model
    def _are_offered(self, company, templates):
        """Return which products can be sold to anybody in this company."""
        # sudo: what can be sold decides the same for everybody
        Template = self.env["product.template"].sudo()
        found = Template.search(
            [
                ("id", "in", templates.tolist()),
                ("sale_ok", "=", True),
                ("type", "!=", "combo"),
                ("company_id", "in", [False, company.id]),
            ]
        )
        Kind = self.env["crm.value.line.kind"]
        special = SQL(" UNION ALL ").join(products for _kind, products in Kind._kinds_by_product(company))
        rows = self.env.execute_query(
            SQL("SELECT DISTINCT product_tmpl_id FROM product_product WHERE id IN (%s)", special)
        )
        return np.isin(templates, list(set(found.ids) - {template_id for [template_id] in rows}))

    # the backtest, the suggestions

    @api.model
    def _backtest(self, basis, bought):
        today, first = day_number(basis.as_of), bought["first_day"].min(initial=day_number(basis.as_of))
        cut = today - min(_HELD_OUT_DAYS, max((today - int(first)) // 4, 1))
        shape = len(bought["partners"]), len(bought["templates"])
        chosen = bought["is_kept"] & bought["offered"][bought["product"]]
        before, later = chosen & (bought["first_day"] <= cut), chosen & (bought["first_day"] > cut)
        return backtest.compare(
            backtest.matrix(bought["customer"][before], bought["product"][before], shape),
            backtest.matrix(bought["customer"][later], bought["product"][later], shape),
            bought["segments"],
            bought["margins"],
        )

    @api.model
    def _suggest(self, company, bought, method):
        """Return the suggestions as columns of `_KINDS`."""
        shape = len(bought["partners"]), len(bought["templates"])
        kept = bought["is_kept"]
        matrix = backtest.matrix(bought["customer"][kept], bought["product"][kept], shape)
        known = backtest.matrix(bought["customer"], bought["product"], shape) + self._dismissed(company, bought)
        is_control = self._are_control(company, bought["partners"])
        found = []
        for group, name in ((~is_control, method), (is_control, backtest.BEST_SELLERS)):
            if not (group & bought["is_active"]).any():
                continue
            scorer = backtest.fit(name, matrix, bought["segments"])
            for buyers, offered in self._assortments(company, bought):
                rows = np.flatnonzero(group & bought["is_active"] & buyers)
                for customer, product, _score in backtest.next_products(
                    scorer, matrix[rows], bought["segments"][rows], known[rows], offered
                ):
                    found.append((rows[customer], product, np.full(len(product), name == backtest.BEST_SELLERS)))
        if not found:
            return {name: np.zeros(0) for name, _kind in _KINDS}
        customer, product, is_best = (np.concatenate(part) for part in zip(*found, strict=True))
        order = np.argsort(customer, kind="stable")  # the best of each first, as they were found
        customer, product, is_best = customer[order], product[order], is_best[order]
        first, second, share = reasons(matrix, customer, product)
        buyers = np.bincount(bought["product"][kept], minlength=shape[1]) / max(shape[0], 1)
        has_reason = (first >= 0) & ~is_best
        share = np.where(has_reason, share, buyers[product])
        templates = np.append(bought["templates"], 0)
        starts = np.flatnonzero(np.diff(customer, prepend=-1))
        rank = np.arange(len(customer)) - np.repeat(starts, np.diff(np.append(starts, len(customer)))) + 1
        return {
            "partner_id": bought["partners"][customer],
            "product_tmpl_id": bought["templates"][product],
            "rank": rank,
            "share": share,
            "because_id": templates[np.where(has_reason, first, -1)],
            "because_also_id": templates[np.where(has_reason, second, -1)],
            "expected_margin": share * bought["margins"][product],
            "is_control": is_control[customer],
        }

    @api.model
    def _assortments(self, company, bought):
        """Return a list of (customers, products): who is offered what, by the pricelists of the customers."""
        Assortment, everybody = self.env["crm.value.product.assortment"], np.ones(len(bought["partners"]), bool)
        whole = [(everybody, bought["offered"])]
        if not self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist"):
            return whole
        # sudo: pricelists decide what is offered, whoever asks for the fit
        pricelists = self.env["product.pricelist"].sudo().search([("company_id", "in", [False, company.id])])
        withheld = {}
        for pricelist_id, template_id in Assortment._withheld(company, pricelists, bought["templates"].tolist()):
            withheld.setdefault(pricelist_id, []).append(template_id)
        if not withheld:
            return whole
        of_customer = np.array(Assortment._pricelists_of(company, bought["partners"].tolist()))
        parts = [(~np.isin(of_customer, list(withheld)), bought["offered"])]
        for pricelist_id, template_ids in withheld.items():
            offered = bought["offered"] & ~np.isin(bought["templates"], template_ids)
            parts.append((of_customer == pricelist_id, offered))
        return parts

    @api.model
    def _dismissed(self, company, bought):
        """Return customers × products: what somebody said that a customer does not want."""
        rows = self.env.execute_query(
            SQL(
                """
            SELECT DISTINCT dismissal.partner_id, template.id FROM crm_value_dismissal dismissal
              LEFT JOIN product_category dismissed ON dismissed.id = dismissal.category_id
              LEFT JOIN product_category category
                     ON dismissal.product_tmpl_id IS NULL AND category.parent_path LIKE dismissed.parent_path || '%%'
              JOIN product_template template
                ON template.id = dismissal.product_tmpl_id OR template.categ_id = category.id
             WHERE dismissal.company_id = %s
            """,
                company.id,
            )
        )
        pairs = np.array(rows, np.int64).reshape(-1, 2)
        is_known = np.isin(pairs[:, 0], bought["partners"]) & np.isin(pairs[:, 1], bought["templates"])
        return backtest.matrix(
            np.searchsorted(bought["partners"], pairs[is_known, 0]),
            np.searchsorted(bought["templates"], pairs[is_known, 1]),
            (len(bought["partners"]), len(bought["templates"])),
        )

    @api.model
    def _are_control(self, company, partners):
        # sudo: nobody but the system reads the secret of the database.
        secret = hmac(self.env(su=True), "crm_value_addon.suggestion", company.id).encode()
        percent = company.value_suggestion_holdout
        return np.array(
            [is_in_control_group(secret, company.id, partner_id, percent) for partner_id in partners.tolist()], bool
        )

    # the table

    @api.model
    def _delete_open(self, company):
        self.env.cr.execute(
            SQL("DELETE FROM crm_value_suggestion WHERE company_id = %s AND state = 'open'", company.id)
        )
        self.env["crm.value.suggestion"].invalidate_model()

    @api.model
    def _write(self, basis, rows):
        """Insert suggestions; return how many."""
        incoming = self.env["crm.value.writer"]._incoming_rows(_TABLE, rows, _KINDS, basis.money)
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value_suggestion
                   (partner_id, company_id, value_id, product_tmpl_id, rank, share, because_id, because_also_id,
                    expected_margin, is_control, date, state)
            SELECT incoming.partner_id, %(company)s, value.id, incoming.product_tmpl_id, incoming.rank, incoming.share,
                   NULLIF(incoming.because_id, 0), NULLIF(incoming.because_also_id, 0), incoming.expected_margin,
                   incoming.is_control, %(today)s, 'open'
              FROM %(table)s incoming JOIN res_partner partner ON partner.id = incoming.partner_id
              LEFT JOIN crm_value value ON value.partner_id = incoming.partner_id AND value.company_id = %(company)s
            """,
                company=basis.company.id,
                today=basis.as_of,
                table=incoming,
            )
        )
        return self.env.cr.rowcount

    # what became of the last suggestions

    @api.model
    def _measure(self, company):
        """Mark what was bought since it was suggested, and hold the two groups against each other.

        :return: values of a `crm.value.recommender`
        """
        if not company.value_suggestion_since:
            return {}
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
            UPDATE crm_value_suggestion suggestion SET state = 'bought'
             WHERE suggestion.company_id = %s AND suggestion.state = 'open' AND (%s)
            """,
                company.id,
                SQL(" OR ").join(self.env["crm.value.product.reader"]._sold_conditions(company)),
            )
        )
        rows = self.env.execute_query(
            SQL(
                """SELECT COALESCE(is_control, FALSE), count(*), count(*) FILTER (WHERE state = 'bought')
                     FROM crm_value_suggestion WHERE company_id = %s GROUP BY 1""",
                company.id,
            )
        )
        counts = {is_control: (shown, done) for is_control, shown, done in rows}
        shown, control = counts.get(False, (0, 0)), counts.get(True, (0, 0))
        return {
            "shown_count": shown[0],
            "bought_count": shown[1],
            "control_shown_count": control[0],
            "control_bought_count": control[1],
            **self._prove(company),
        }

    @api.model
    def _prove(self, company):
        """Return what the suggestions brought per customer, with its interval, against the control group."""
        since = company.value_suggestion_since
        rows = self.env.execute_query(
            SQL(
                """
            SELECT day.partner_id,
                   (COALESCE(sum(day.revenue) FILTER (WHERE day.date >= %(since)s), 0))::float8,
                   (COALESCE(sum(day.margin) FILTER (WHERE day.date >= %(since)s), 0))::float8,
                   (COALESCE(sum(day.revenue) FILTER (WHERE day.date < %(since)s), 0))::float8
              FROM (%(days)s) day
              JOIN crm_value value ON value.partner_id = day.partner_id AND value.company_id = day.company_id
             WHERE value.first_purchase_date < %(since)s GROUP BY day.partner_id ORDER BY day.partner_id
            """,
                since=since,
                days=self.env["crm.value.purchase"]._query(
                    SQL("source.company_id = %s AND source.date >= %s", company.id, since - timedelta(days=365))
                ),
            )
        )
        table = np.array(rows, np.float64).reshape(-1, 4)
        randomisation = Randomisation(
            self._are_control(company, table[:, 0].astype(np.int64)), np.zeros(len(table), np.int64)
        )
        found = {
            measure: uplift(table[:, column], table[:, 3], randomisation, seed=company.id)
            for measure, column in (("revenue", 1), ("margin", 2))
        }
        vals = {"has_proof": found["revenue"].is_enough}
        for measure, one in found.items():
            vals |= {
                f"uplift_{measure}": one.difference,
                f"uplift_{measure}_low": one.low,
                f"uplift_{measure}_high": one.high,
            }
        return vals

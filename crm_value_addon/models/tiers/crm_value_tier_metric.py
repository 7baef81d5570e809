import numpy as np

from odoo import api, models
from odoo.tools import SQL, ormcache
from odoo.tools.translate import LazyTranslate

from ...lib.postgres.binary_copy import copy_out
from ..refresh.said import Label, to_data, to_text

_lt = LazyTranslate(__name__)

#: what a criterion names where it asks for what was spent within a category; its id follows
_CATEGORY = "category_12m_"
#: the same in a configuration file, where the name of the category follows
_CATEGORY_IN_FILE = "category_12m:"


class CrmValueTierMetric(models.AbstractModel):
    """What a tier may ask for: the figures of a customer that say so, and the spend within a category.

    How to use: `_names` for all of them; `_label`, `_field`, `_to_sql`, `_column` for one.

    How it works: a figure is a field of `crm.value`. What was spent within a category in the last 12 months is none: it
    is summed from what the customer buys (`crm.value.product`), for the categories below, too. Which categories may be
    asked for is ticked on them, so that everything else of a tier (thresholds, simulation, plans, the log of changes)
    names them as it names a figure.
    """

    _name = "crm.value.tier.metric"
    _description = "Loyalty Tiers: Metrics"

    @api.model
    def _names(self, *kinds):
        """Return the names of what tiers may ask for, of all or some kinds (see `crm.value._metrics`).

        What was bought of a category is for the eyes of customers, as their other purchases are.
        """
        names = self.env["crm.value"]._metrics(*kinds)
        return [*names, *self._category_metrics()] if not kinds or "customer" in kinds else names

    @api.model
    def _category_metrics(self):
        return [f"{_CATEGORY}{category_id}" for category_id in self._category_ids()]

    @api.model
    @ormcache()
    def _category_ids(self):
        # sudo: it decides the same for everybody
        return tuple(self.env["product.category"].sudo().search([("value_for_tiers", "=", True)]).ids)

    @api.model
    def _category(self, metric):
        """Return the category that a metric is about, a sudo record, empty for a figure."""
        number = metric.removeprefix(_CATEGORY) if metric and metric.startswith(_CATEGORY) else ""
        # sudo: a name that everybody reads who reads the criterion
        return self.env["product.category"].sudo().browse(int(number) if number.isdecimal() else ())

    @api.model
    def _metric_of(self, category):
        return f"{_CATEGORY}{category.id}"

    @api.model
    def _field(self, metric):
        """Return the field that a metric is, or is a part of: it has the same kind of number, and the same readers."""
        return self.env["crm.value"]._fields.get("revenue_12m" if self._category(metric) else metric)

    @api.model
    def _label(self, metric):
        return to_text(self.env, to_data(self._said(metric)))

    @api.model
    def _said(self, metric):
        """Return the label of a metric as a sentence that can be stored (see models/refresh/said.py)."""
        category = self._category(metric)
        if category:
            return _lt("Revenue 12 Months of %(category)s", category=category.exists().complete_name or "–")
        return Label("crm.value", metric)

    @api.model
    def _amount(self, value, metric):
        """Return a metric of one customer."""
        if not self._category(metric):
            return value[metric]
        self.env.flush_all()
        [[amount]] = self.env.execute_query(
            SQL("SELECT %s FROM crm_value value WHERE value.id = %s", self._category_to_sql(metric), value.id)
        )
        return float(amount)

    @api.model
    def _category_to_sql(self, metric):
        """Return the SQL of what the customer of ``value`` spent within a category."""
        return SQL(
            """COALESCE((SELECT sum(product.revenue_12m) FROM crm_value_product product
                          WHERE product.partner_id = value.partner_id AND product.company_id = value.company_id
                            AND product.category_id IN (%s)), 0)""",
            self._select_below(metric),
        )

    def _select_below(self, metric):
        """Return the SELECT of the ids of a category and of those below it."""
        return SQL(
            """SELECT below.id FROM product_category below JOIN product_category above
                   ON below.parent_path LIKE above.parent_path || '%%' WHERE above.id = %s""",
            self._category(metric).id,
        )

    @api.model
    def _column(self, basis, partner_ids, metric):
        """Return what customers spent within a category, as an array in the order of their ids (sorted).

        As of a past day, what they had bought until then is read again.
        """
        if basis.until:
            refresh = self.env["crm.value.product.refresh"]
            level = refresh._level(basis)
            rows = refresh._rows(basis, level) if level != "none" else {"partner_id": [], "category_id": []}
            below = [row[0] for row in self.env.execute_query(self._select_below(metric))]
            chosen = np.isin(rows["category_id"], below)
            found = {
                "partner": np.asarray(rows["partner_id"], np.int64)[chosen],
                "amount": np.asarray(rows.get("revenue_12m", []), np.float64)[chosen],
            }
        else:
            together = basis.merged
            found = copy_out(
                self.env.cr,
                SQL(
                    """SELECT %s::int4, COALESCE(sum(revenue_12m), 0)::float8 FROM crm_value_product
                        WHERE company_id = %s AND category_id IN (%s) AND %s GROUP BY 1""",
                    together[0] if together else SQL("partner_id"),
                    basis.company.id,
                    self._select_below(metric),
                    SQL("partner_id = ANY(%s)", list(together[1])) if together else basis.where(SQL("partner_id")),
                ),
                [("partner", "int4"), ("amount", "float8")],
            )
        column = np.zeros(len(partner_ids))
        known = np.isin(found["partner"], partner_ids)
        place = np.searchsorted(partner_ids, found["partner"][known])
        np.add.at(column, place, found["amount"][known])
        return column

    # categories that come and go

    @api.model
    def _criteria_about(self, categories):
        """Return the criteria of tiers, planned ones included, that ask for spend within these categories."""
        metrics = [self._metric_of(category) for category in categories]
        # sudo: whoever changes a category need not see the tiers that ask for it
        return [
            criterion
            for model in ("crm.value.tier.criterion", "crm.value.tier.plan.criterion")
            for criterion in self.env[model].sudo().search([("metric", "in", metrics)])
        ]

    # configuration files

    @api.model
    def _to_file(self, metric):
        category = self._category(metric)
        return f"{_CATEGORY_IN_FILE}{category.complete_name}" if category else metric

    @api.model
    def _from_file(self, text):
        """Return the metric that a file names; a category that is not offered here stays as the file names it."""
        if not isinstance(text, str) or not text.startswith(_CATEGORY_IN_FILE):
            return text
        # sudo: it decides the same for everybody
        found = self.env["product.category"].sudo().browse(self._category_ids())
        found = found.filtered(lambda category: category.complete_name == text.removeprefix(_CATEGORY_IN_FILE))
        return self._metric_of(found) if len(found) == 1 else text

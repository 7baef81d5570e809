from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

#: a table of fewer values is sorted as a whole as fast
_MIN_ROWS = 20_000
#: how many times as many values as a page needs are looked through: other conditions leave most of them out, or few
_SPARE = 10
_SORTED_TYPES = ("monetary", "float", "integer", "date")


class CrmValueMixin(models.AbstractModel):
    """Finds the first pages of a list that is sorted by a figure, the best first, among the best customers.

    How it works: PostgreSQL's statistics of `crm.value` tell from which figure on there are some ten times as many
    customers as the page needs. Only when these do not fill it, all records are joined with their values and sorted.
    """

    _inherit = "crm.value.mixin"

    @api.model
    def search_fetch(self, domain, field_names=None, offset=0, limit=None, order=None):
        best = self._domain_of_best(order or self._order, offset, limit) if limit else None
        if best:
            found = super().search_fetch(
                Domain(domain) & best, field_names, offset=offset, limit=limit, order=order)
            if len(found) == limit:
                return found
        return super().search_fetch(domain, field_names, offset=offset, limit=limit, order=order)

    def _domain_of_best(self, order, offset, limit):
        """Return a domain of `_SPARE` times as many of the first records as are asked for; None if it is no use."""
        self._check_qorder(order)
        name, *direction = order.partition(",")[0].lower().split()
        field = self._fields.get(name)
        path = (field.related or "").split(".") if field else []
        if path[:1] != ["value_id"] or len(path) != 2 or direction not in (["desc"], ["desc", "nulls", "last"]):
            return None
        column = self.env["crm.value"]._fields[path[1]]
        if column.type not in _SORTED_TYPES or not column.store:
            return None
        least = self._figure_of_best(column, (int(offset or 0) + int(limit)) * _SPARE)
        if least is None:
            return None

        def to_sql(records, alias, query):
            return SQL("%s >= %s::%s", records._field_to_sql(alias, name, query), least, SQL(column.column_type[0]))

        return Domain.custom(to_sql=to_sql)

    @api.model
    def _figure_of_best(self, column, count):
        """Return, as text, a figure that about so many values reach, of all companies; None if they are too many."""
        rows = self.env.execute_query(SQL(
            """
            SELECT bounds[cardinality(bounds) - buckets::int]
              FROM (SELECT bounds, ceil(%(count)s::float8 * (cardinality(bounds) - 1) / (share * rows)) AS buckets
                      FROM (SELECT stats.histogram_bounds::text::text[] AS bounds, class.reltuples AS rows,
                                   1 - stats.null_frac - COALESCE(
                                   (SELECT sum(part) FROM unnest(stats.most_common_freqs) part), 0) AS share
                              FROM pg_stats stats, pg_class class
                             WHERE stats.schemaname = current_schema AND stats.tablename = 'crm_value'
                               AND stats.attname = %(name)s AND class.oid = 'crm_value'::regclass) stats
                     WHERE rows >= %(min_rows)s AND share > 0) chosen
             WHERE buckets <= cardinality(bounds) / 4
            """, count=count, name=column.name, min_rows=_MIN_ROWS))
        return rows[0][0] if rows else None

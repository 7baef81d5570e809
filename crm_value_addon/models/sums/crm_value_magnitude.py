from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL, sql

_CLV = SQL("clv::float8")


class CrmValueMagnitude(models.AbstractModel):
    """Finds customers by CLV through an index that costs a refresh next to nothing.

    How to use: `_with_magnitude` adds to a domain what the index answers.

    How it works: a CLV drifts every night, and an index on it would end HOT: each row would be written to another page,
    and into every index. Its magnitude, an eighth of a natural logarithm, rarely changes; PostgreSQL keeps it in a
    generated column. A higher CLV never has a lower magnitude.
    """

    _name = "crm.value.magnitude"
    _description = "Customer Value: Magnitude of the CLV"

    @api.model
    def _init(self):
        if sql.column_exists(self.env.cr, "crm_value", "clv_magnitude"):
            return  # even where nothing is to be added, adding a column locks the table until an update ends
        self.env.cr.execute(
            SQL(
                """
            ALTER TABLE crm_value ADD COLUMN clv_magnitude int2
                GENERATED ALWAYS AS (CASE WHEN clv > 0 THEN %s END) STORED;
            CREATE INDEX crm_value_clv_magnitude_idx ON crm_value (company_id, clv_magnitude);
            CREATE INDEX crm_value_at_risk_clv_idx ON crm_value
                (company_id, clv_magnitude DESC NULLS LAST) WHERE lifecycle_stage = 'at_risk'
            """,
                self._magnitude(_CLV),
            )
        )

    @api.model
    def _magnitude(self, clv):
        return SQL("floor(8 * ln(%s))::int2", clv)

    @api.model
    def _with_magnitude(self, domain):
        """Add to each condition “CLV of at least so much” of a domain on `crm.value` the one on its magnitude."""
        return Domain(domain).map_conditions(self._implied)

    @api.model
    def _implied(self, condition):
        least = condition.value
        is_bound = (
            condition.field_expr == "clv" and condition.operator in (">", ">=") and isinstance(least, int | float)
        )
        if not is_bound or least <= 0:
            return condition

        def to_sql(model, alias, query):
            column = SQL.identifier(alias, "clv_magnitude")
            return SQL("%s >= %s", column, self._magnitude(SQL("%s::float8", least)))

        return condition & Domain.custom(to_sql=to_sql)

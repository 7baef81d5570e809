from odoo import api, models
from odoo.tools import SQL

#: the types of fields whose columns tell whether something was entered
_TYPES = ("char", "text", "html", "many2one", "selection", "date", "datetime")
#: the fields that an administrator may choose from
COMPLETENESS_DOMAIN = [
    ("model", "=", "res.partner"),
    ("store", "=", True),
    ("company_dependent", "=", False),
    ("translate", "=", False),
    ("ttype", "in", _TYPES),
    ("name", "not in", models.MAGIC_COLUMNS),
]


class CrmValueCompleteness(models.AbstractModel):
    """How much of a customer's record is known, of the fields that the settings ask for.

    How to use: `_select` for the refresh.
    """

    _name = "crm.value.completeness"
    _description = "Customer Value: Completeness"

    @api.model
    def _columns(self, company):
        """Return the columns of contacts that are asked for; a field that another module took along asks nothing."""
        names = company.sudo().value_completeness_field_ids.mapped("name")  # sudo: reads the names of fields
        fields = self.env["res.partner"]._fields
        return [
            SQL.identifier("partner", name)
            for name in sorted(names)
            if name in fields and fields[name].store and fields[name].column_type and fields[name].type in _TYPES
        ]

    @api.model
    def _select(self, basis):
        """Return the SELECT of (partner_id, percent) of the customers of a basis, None where nothing is asked for."""
        columns = self._columns(basis.company)
        if not columns:
            return None
        self.env["res.partner"].flush_model()
        return SQL(
            """SELECT partner.id::int4, round(100.0 * num_nonnulls(%s) / %s, 1)::float8 FROM res_partner partner
                WHERE partner.id = partner.commercial_partner_id AND %s""",
            # an empty text is nothing that is known
            SQL(", ").join(SQL("NULLIF(%s::text, '')", column) for column in columns),
            len(columns),
            basis.where(SQL("partner.id")),
        )

from odoo import models

from .refresh.concurrent_index import missing_indexes


class ResCompany(models.Model):
    """The health panel tells of an index that refreshes need and that could not be built."""

    _inherit = "res.company"

    def _value_problems(self, health):
        problems = super()._value_problems(health)
        for name in self._value_missing_indexes():
            problems.append(self.env._(
                "The database index %(name)s is missing, so refreshes take longer than they should; an update of the "
                "app builds it.", name=name))
        return problems

    def _value_missing_indexes(self):
        """Return the names of those indexes on Odoo's own tables that are not there, or not finished."""
        return missing_indexes([self.env["account.move"], self.env["account.move.line"]])

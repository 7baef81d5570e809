from odoo import models

from .portal.hidden_fields import hides_from_portal


class ResCompany(models.Model):
    """Customers read their companies through the API; the settings of the values are for employees."""

    _inherit = "res.company"

    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and not hides_from_portal(self, field)

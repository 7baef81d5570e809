from odoo import models

#: Odoo's margin of an order has no groups: whoever reads the order reads it
_MARGINS = ("margin", "margin_percent")


def _is_for_us(record, field):
    """Tell whether a field is one that we reckon with, on a record that customers may read."""
    ours = field.name.startswith("value_") or field.name in _MARGINS
    return ours and not record.env.su and not record.env.user._is_internal()


class ResCompany(models.Model):
    """Customers read their companies and orders through the API; what we reckon with is not for them."""

    _inherit = "res.company"

    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and not _is_for_us(self, field)


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and not _is_for_us(self, field)


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and not _is_for_us(self, field)

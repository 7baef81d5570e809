"""Fields that customers may not read on records they do read: their orders, their lines, and the company."""

#: Odoo's margin of an order has no groups, so that whoever reads the order reads it
_MARGINS = ("margin", "margin_percent")


def hides_from_portal(record, field):
    """Tell whether a field is for employees only, and the reader is a customer."""
    is_hidden = field.name.startswith("value_") or field.name in _MARGINS
    return is_hidden and not record.env.su and not record.env.user._is_internal()

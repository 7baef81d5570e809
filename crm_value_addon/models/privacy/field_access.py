"""Rights on fields of ours on Odoo's models, beyond the groups of a field."""

#: Odoo's margin of an order has no groups, so that whoever reads the order reads it
_MARGINS = ("margin", "margin_percent")


def denies(record, field, operation):
    """Tell whether the user may not read or write a field.

    Customers read no field of ours on records that they do read: their orders, the lines, and the company. Nobody
    writes a readonly field of ours: a tier, a manager or the machine decided it, or it is added up. The addon writes
    those as the superuser. Odoo asks this for the API, imports and defaults in the context alike.

    :param str operation: read or write
    """
    is_ours = field.name.startswith("value_")
    if record.env.su or not (is_ours or field.name in _MARGINS):
        return False
    is_kept = operation == "write" and is_ours and field.readonly
    return is_kept or not record.env.user._is_internal()

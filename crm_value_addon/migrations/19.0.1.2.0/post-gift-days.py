"""Gifts are good for a century at most: what lies beyond the calendar was saved and never given."""


def migrate(cr, version):
    cr.execute("UPDATE crm_value_benefit SET gift_days = 36500 WHERE gift_days > 36500")
    cr.execute("UPDATE crm_value_benefit SET gift_days = 0 WHERE gift_days < 0")

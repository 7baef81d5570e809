"""Lower the numbers of days and months that no calendar reaches: they could be saved, and broke what used them."""

from odoo.tools import SQL
from odoo.tools.sql import column_exists

#: table → column → the highest number that may be saved from now on
_HIGHEST = {
    "res_company": {
        "value_fit_months": 1200,
        "value_referral_months": 1200,
        "value_snapshot_months": 1200,
        "value_log_months": 1200,
        "value_run_months": 1200,
        "value_new_days": 36500,
        "value_loyal_days": 36500,
        "value_won_back_days": 36500,
        "value_cadence_clasp": 36500,
        "value_cadence_velcro": 36500,
        "value_cadence_zipper": 36500,
        "value_caution_overdue_days": 36500,
    },
}


def migrate(cr, version):
    """Clamp what is stored; run again, it finds nothing to do."""
    for table, columns in _HIGHEST.items():
        for column, highest in columns.items():
            # a setting that the earlier version did not have is not there yet
            if column_exists(cr, table, column):
                cr.execute(
                    SQL(
                        "UPDATE %(table)s SET %(column)s = %(highest)s WHERE %(column)s > %(highest)s",
                        table=SQL.identifier(table),
                        column=SQL.identifier(column),
                        highest=highest,
                    )
                )

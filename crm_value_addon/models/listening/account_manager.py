"""How often customers got another salesperson of ours, as Odoo's log of their contact tells."""

from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.fields import Domain
from odoo.tools import SQL

#: how far back changes count, in months
MONTHS = 24


def compute_changes(partners):
    """Compute *Salesperson Changes* of the customers of contacts."""
    found = {}
    if partners.ids:
        customer_ids = partners.commercial_partner_id.ids
        found = dict(partners.env.execute_query(_select(partners.env, SQL("message.res_id = ANY(%s)", customer_ids))))
    for partner in partners:
        partner.salesperson_change_count = found.get(partner.commercial_partner_id.id, 0)


def search_changes(partners, operator, number):
    """Search *Salesperson Changes*; somebody whose salesperson never changed has 0."""
    if operator not in (">", ">="):
        return NotImplemented
    least = number + 1 if operator == ">" else number
    if least <= 0:
        return Domain.TRUE
    often = SQL(
        "SELECT customer_id FROM (%s) changed WHERE count >= %s", _select(partners.env, SQL("TRUE")), int(least)
    )
    return Domain.custom(
        to_sql=lambda model, alias, query: SQL("%s IN (%s)", SQL.identifier(alias, "commercial_partner_id"), often)
    )


def _select(env, where):
    """Return the SELECT of (customer_id, count) of the changes from one salesperson to another."""
    env["mail.tracking.value"].flush_model()
    env["mail.message"].flush_model(["model", "res_id", "date"])
    return SQL(
        """SELECT message.res_id AS customer_id, count(*) AS count
             FROM mail_message message JOIN mail_tracking_value moved ON moved.mail_message_id = message.id
            WHERE message.model = 'res.partner' AND %s AND moved.field_id = %s AND moved.old_value_integer > 0
              AND moved.new_value_integer > 0 AND message.date > %s
            GROUP BY message.res_id""",
        where,
        env["ir.model.fields"]._get("res.partner", "user_id").id,
        fields.Datetime.now() - relativedelta(months=MONTHS),
    )

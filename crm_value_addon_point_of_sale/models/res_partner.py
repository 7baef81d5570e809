from odoo import models
from odoo.tools import SQL


class ResPartner(models.Model):
    _inherit = "res.partner"

    def write(self, vals):
        result = super().write(vals)
        if "parent_id" in vals:
            self._value_hand_over_till_orders()
        return result

    def _value_hand_over_till_orders(self):
        """Hand what these contacts bought at the till to their new commercial partner, as Odoo does their invoices."""
        self.env.flush_all()
        keys = set()
        for name in ("partner_id", "origin_partner_id"):
            moved = self.env.execute_query(
                SQL(
                    """
                WITH moved AS (
                    SELECT own.id, contact.id AS old_id, contact.commercial_partner_id AS new_id
                      FROM crm_value_till_order own JOIN res_partner contact ON contact.id = own.%(name)s
                     WHERE own.%(name)s = ANY(%(contacts)s) AND contact.commercial_partner_id != contact.id)
                UPDATE crm_value_till_order own SET %(name)s = moved.new_id FROM moved WHERE own.id = moved.id
                RETURNING moved.old_id, moved.new_id, own.company_id
                """,
                    name=SQL.identifier(name),
                    contacts=self.ids,
                )
            )
            keys |= {(partner_id, company_id, 0) for *partners, company_id in moved for partner_id in partners}
        self.env["crm.value.queue"]._push(keys)

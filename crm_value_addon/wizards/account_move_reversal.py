from odoo import fields, models


class AccountMoveReversal(models.TransientModel):
    """Remembers which new document *Reverse and Create Invoice* makes in place of which one; Odoo does not."""

    _inherit = "account.move.reversal"

    def reverse_moves(self, is_modify=False):
        action = super().reverse_moves(is_modify)
        if is_modify:
            # Odoo makes them in this order: first those whose credit note is posted at once
            today = fields.Date.context_today(self)
            replaced = self.move_ids.sorted(lambda move: (self.date or move.date) > today)
            new = self.new_move_ids.sorted("id")
            if len(new) == len(replaced):
                # sudo: whoever invoices has no rights on values
                self.env["crm.value.document.role"].sudo()._link_replacements(
                    list(zip(new.ids, replaced.ids, strict=True))
                )
        return action

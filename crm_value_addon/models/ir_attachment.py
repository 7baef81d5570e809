from odoo import models
from odoo.fields import Domain


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    def _search(self, domain, offset=0, limit=None, order=None, *, active_test=True, bypass_access=False):
        """Refuse a condition on a figure that the user may not see: Odoo searches attachments by sudo."""
        domain = Domain(domain)
        if (
            not self.env.su
            and not bypass_access
            and any(
                "." in condition.field_expr or condition.operator in ("any", "not any")
                for condition in domain.iter_conditions()
            )
        ):
            super()._search(domain, bypass_access=True)
        return super()._search(domain, offset, limit, order, active_test=active_test, bypass_access=bypass_access)

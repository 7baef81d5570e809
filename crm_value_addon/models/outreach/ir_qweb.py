from odoo import models


class IrQweb(models.AbstractModel):
    """Lets a text for thousands of customers be compiled once (see `crm.value.message`)."""

    _inherit = "ir.qweb"

    def _generate_code_uncached(self, template):
        compiled = self.env.context.get("value_compiled")
        if compiled is None:
            return super()._generate_code_uncached(template)
        if template not in compiled:
            compiled[template] = super()._generate_code_uncached(template)
        return compiled[template]

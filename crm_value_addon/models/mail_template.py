from odoo import models


class MailTemplate(models.Model):
    _inherit = "mail.template"

    def _generate_template(self, res_ids, render_fields, *args, **kwargs):
        if self.env.context.get("value_no_report"):
            # A gift must not fail because its PDF cannot be made; the mail itself carries the code.
            render_fields = set(render_fields) - {"report_template_ids"}
        return super()._generate_template(res_ids, render_fields, *args, **kwargs)

from odoo import api, fields, models


class MailTemplate(models.Model):
    _inherit = "mail.template"

    @api.model
    def _render_eval_context(self):
        # Follow-up rules tell what it is about; Odoo tries a template without that, on any record, before storing it.
        occasion = {"date": fields.Date.context_today(self), "days": 0, "detail": ""}
        return {**super()._render_eval_context(), "occasion": occasion}

    def _generate_template(self, res_ids, render_fields, *args, **kwargs):
        if self.env.context.get("value_no_report"):
            # A gift must not fail because its PDF cannot be made; the mail itself carries the code.
            render_fields = set(render_fields) - {"report_template_ids"}
        return super()._generate_template(res_ids, render_fields, *args, **kwargs)

from odoo import api, fields, models, tools


class CrmValueContactStyle(models.Model):
    """How to receive people of a style: a text that administrators edit."""

    _name = "crm.value.contact.style"
    _description = "Hint for a Contact Style"
    _order = "id"
    _rec_name = "style"

    style = fields.Selection(
        lambda self: self.env["res.partner"]._fields["contact_style"]._description_selection(self.env), required=True
    )
    hint = fields.Text(
        required=True, translate=True, help="Shown on the contact, its orders and opportunities, and in follow-ups"
    )

    _style_uniq = models.Constraint("UNIQUE(style)", "There is one hint for each style.")

    @api.model_create_multi
    def create(self, vals_list):
        styles = super().create(vals_list)
        self.env.registry.clear_cache()
        return styles

    def write(self, vals):
        result = super().write(vals)
        self.env.registry.clear_cache()
        return result

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

    @api.model
    def _hint(self, style):
        """Return the hint for a style in the language of the reader, False when there is none."""
        return bool(style) and self._hints(self.env.lang).get(style, False)

    @api.model
    @tools.ormcache("lang")
    def _hints(self, lang):
        # sudo: the hints are the same for everybody.
        return {one.style: one.hint for one in self.sudo().with_context(lang=lang).search([])}

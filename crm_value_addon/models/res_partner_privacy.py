from odoo import api, models


class ResPartner(models.Model):
    """The rights of a data subject on the contact (see `crm.value.privacy`)."""

    _inherit = "res.partner"

    @api.ondelete(at_uninstall=False)
    def _unlink_value_messages(self):
        self.env["crm.value.privacy"]._unlink_messages(self)

    def action_erase_profile(self):
        """Erase all that was concluded or noted about these customers, in all companies; the books stay.

        They are not evaluated again until somebody unticks *Opt Out of Scoring*.

        :return: action that tells the user
        :raise AccessError: the user is no sales manager, or may not change these contacts
        """
        self.env["crm.value.privacy"]._check_manager(self, "write")
        customers = self.env["crm.value.privacy"]._erase(self)
        return self.env["crm.value"]._notification(self.env._(
            "The profiles of %(count)s customers were erased.", count=len(customers)))

    def action_export_value_data(self):
        """Download all that the addon holds about this customer, in the companies that the user may see, as JSON.

        :raise AccessError: the user is no sales manager, or may not read this contact
        """
        self.ensure_one()
        self.env["crm.value.privacy"]._check_manager(self, "read")
        return {"type": "ir.actions.act_url", "url": f"/crm_value_addon/subject/{self.id}", "target": "download"}

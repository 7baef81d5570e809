from odoo import api, models
from odoo.tools import consteq


class CrmValueMessagePage(models.AbstractModel):
    """What a customer sees and changes of the messages that it gets.

    How to use: `_contact` for whoever comes by a signed link; `_prepare_page` and `_save` for a contact. The page gets
    plain data, no records.
    """

    _name = "crm.value.message.page"
    _description = "Messages: The Customer's Page"

    @api.model
    def _contact(self, partner_id, token):
        """Return the contact that a signed link is about, empty when the signature is wrong."""
        partner = self.env["res.partner"].sudo().browse(partner_id)  # sudo: the reader of a mail is no user
        if not consteq(token, self.env["crm.value.message"]._refusal_token(partner_id)):
            return partner.browse()
        return partner.exists()

    @api.model
    def _prepare_page(self, partner, kind_id=None):
        """Return what the page shows: the kinds of messages, and which of them the contact refused.

        :param kind_id: the kind of the mail by which the customer came, shown as refused already
        """
        partner = partner.sudo()  # sudo: the customer sees its own choice
        kinds = partner.env["crm.value.message.kind"].search([])
        refused = set(partner.value_refused_kind_ids.ids) | {kind_id}
        return {
            "name": partner.name,
            "kinds": [
                {
                    "id": kind.id,
                    "name": kind.name,
                    "description": kind.description,
                    "is_wanted": kind.id not in refused,
                }
                for kind in kinds
            ],
        }

    @api.model
    def _save(self, partner, wanted_ids):
        """Store which kinds of messages a contact wants; it gets no others."""
        partner = partner.sudo()  # sudo: the customer decides for itself
        kinds = partner.env["crm.value.message.kind"].search([])
        partner.value_refused_kind_ids = [(6, 0, [kind.id for kind in kinds if kind.id not in wanted_ids])]

    @api.model
    def _refuse(self, partner, kind_id):
        """Store that a contact wants no more messages of a kind."""
        partner = partner.sudo()  # sudo: the customer decides for itself
        kind = partner.env["crm.value.message.kind"].search([("id", "=", kind_id)])
        partner.value_refused_kind_ids = [(4, one.id) for one in kind]

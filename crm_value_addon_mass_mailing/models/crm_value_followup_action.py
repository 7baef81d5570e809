from odoo import api, models
from odoo.addons.crm_value_addon.models.followups.actions import Action
from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

_ROWS = (
    Action(
        "mailing_list",
        "A place in a mailing list",
        needs="mailing_list_id",
        needs_label=_lt("a mailing list"),
        message="mail",
        is_place=True,
        is_lasting=True,
    ),
    # what the customer gets is the mailing, which Odoo sends
    Action("mailing", "A mailing", needs="mailing_id", needs_label=_lt("a mailing"), message="mail", is_place=True),
)


class CrmValueFollowupAction(models.AbstractModel):
    """Keeps mailing lists: whoever a rule reaches has a place until the reason is gone.

    A customer that left a list stays out. A place that somebody else gave is nobody's to take.
    """

    _inherit = "crm.value.followup.action"

    @api.model
    def _actions(self):
        return {**super()._actions(), **{row.code: row for row in _ROWS}}

    @api.model
    def _do_mailing_list(self, rule, _company, _deadline, due, _user_of, followup_ids, _written):
        # sudo: whoever runs the rule need not be allowed to write mailing lists.
        Contact, Place = self.env["mailing.contact"].sudo(), self.env["mailing.subscription"].sudo()
        recipient_id = self.env["crm.value.message"]._recipient_id
        partners = self.env["res.partner"].sudo().browse([recipient_id(rule, row) for row in due])
        emails = partners.mapped("email_normalized")
        contacts = {
            one.email_normalized: one for one in Contact.search([("email_normalized", "in", emails)], order="id desc")
        }
        missing = {one.email_normalized: one for one in partners if one.email_normalized not in contacts}
        for one in Contact.create([{"name": one.name, "email": one.email_normalized} for one in missing.values()]):
            contacts[one.email_normalized] = one
        mailing_list = rule.mailing_list_id.sudo()
        places = Place.search(
            [("list_id", "=", mailing_list.id), ("contact_id", "in", [one.id for one in contacts.values()])]
        )
        taken = set(places.contact_id.ids)
        vals_list = []
        for row, partner in zip(due, partners, strict=True):
            contact = contacts[partner.email_normalized]
            if contact.id not in taken:
                taken.add(contact.id)
                vals_list.append(
                    {
                        "list_id": mailing_list.id,
                        "contact_id": contact.id,
                        "value_followup_id": followup_ids[row.value_id],
                    }
                )
        Place.create(vals_list)
        return {}

    @api.model
    def _end_mailing_list(self, followups):
        """Take the places back that these follow-ups gave, but not those that the customer left itself."""
        # sudo: the machine ends what it began.
        places = self.env["mailing.subscription"].sudo()
        places.search([("value_followup_id", "in", followups.ids), ("opt_out", "=", False)]).unlink()

import base64

from odoo import api, models
from odoo.http import request
from odoo.tools import consteq, hmac

#: key of the visitor's session
SESSION_KEY = "crm_value_referrer_id"
_SCOPE = "crm_value_addon.referral"
#: shorter numbers say nothing
_PHONE_DIGITS = 6
#: referrals on the loyalty page
_REFERRALS = 20


class CrmValueReferralLink(models.AbstractModel):
    """The link by which a customer recommends the company, and what becomes of it.

    How to use: `_prepare` for the loyalty page; the link's route calls `_remember`; contacts and leads call `_credit`
    with the values they are created with.

    How it works: the link names the customer and is signed, so that nobody makes one for somebody else; its end is the
    code that a customer may tell instead, short enough to be typed and too long to be guessed. A visitor's
    session remembers who recommended; the contact or lead that the visitor becomes is *Referred by* that customer.
    Whoever looks like the customer itself is not credited: the salesperson is told.
    """

    _name = "crm.value.referral.link"
    _description = "Customer Value: Referral Links"

    @api.model
    def _prepare(self, partner, company):
        """Return what a person may know of its recommendations, False where none are rewarded.

        :return: dict ``url code referrals``, the last a list of dicts ``date has_bought`` without names and figures
        """
        company = company.sudo()  # sudo: settings that decide what the person sees
        if not company.value_referral_program_id:
            return False
        person = partner.sudo()  # sudo: the person's own referrals
        referred = person.with_context(active_test=False).search(
            [("referred_by_id", "=", person.id)], order="id desc", limit=_REFERRALS
        )
        values = (
            self.env["crm.value"]
            .sudo()
            .search([("partner_id", "in", referred.commercial_partner_id.ids), ("company_id", "=", company.id)])
        )
        buyers = values.filtered("purchase_count").partner_id
        code = self._token(person)
        return {
            "url": f"{person.get_base_url()}/loyalty/r/{code}",
            "code": code,
            "referrals": [
                {"date": contact.create_date.date(), "has_bought": contact.commercial_partner_id in buyers}
                for contact in referred
            ],
        }

    @api.model
    def _token(self, partner):
        signature = hmac(self.env(su=True), _SCOPE, str(partner.id))  # su: the key of the database signs
        return f"{partner.id}-{base64.b32encode(bytes.fromhex(signature[:10])).decode()}"

    @api.model
    def _referrer(self, token):
        """Return the contact that a token names, empty for one that nobody was given."""
        token = token.strip().upper()
        number, _dash, _signature = token.partition("-")
        partner = self.env["res.partner"].sudo()  # sudo: visitors have no rights on contacts
        if not token.isascii() or not number.isdecimal() or len(number) > 9:
            return partner
        partner = partner.browse(int(number))
        return partner.exists() if consteq(token, self._token(partner)) else partner.browse()

    @api.model
    def _remember(self, token):
        """Remember in the visitor's session who recommended; return whether the token is one of ours."""
        referrer = self._referrer(token)
        if referrer and request.env.user._is_public():
            request.session[SESSION_KEY] = referrer.id
        return bool(referrer)

    @api.model
    def _landing_page(self):
        """Return the address that a referral link leads to."""
        return "/"

    @api.model
    def _credit(self, vals_list):
        """Add *Referred by* to the values of new contacts or leads of a visitor who came by a link.

        :param vals_list: list of dicts for `create`; they are not changed
        :return: list of dicts
        """
        # the request's user: forms create their records as superuser
        referrer_id = request and request.env.user._is_public() and request.session.get(SESSION_KEY)
        if not referrer_id:
            return vals_list
        referrer = self.env["res.partner"].sudo().browse(referrer_id).exists()  # sudo: see `_referrer`
        return [self._credit_one(vals, referrer) for vals in vals_list]

    @api.model
    def _credit_one(self, vals, referrer):
        if not referrer or vals.get("referred_by_id") or vals.get("parent_id"):
            return vals
        same = self._same_as(referrer, vals)
        if same:
            self._tell(referrer, vals, same)
            return vals
        return {**vals, "referred_by_id": referrer.id}

    @api.model
    def _same_as(self, referrer, vals):
        """Return what a new contact has in common with the customer that recommended it, as a text; "" for nothing."""
        own = referrer | referrer.commercial_partner_id | referrer.commercial_partner_id.child_ids
        email = self._plain(vals.get("email") or vals.get("email_from"))
        phone, street = vals.get("phone"), self._plain(vals.get("street"))
        if email and email in own.mapped(lambda contact: self._plain(contact.email)):
            return self.env._("the same e-mail address")
        if any(self._is_same_phone(phone, contact.phone) for contact in own):
            return self.env._("the same phone number")
        zip_code = self._plain(vals.get("zip"))
        if street and any((street, zip_code) == (self._plain(other.street), self._plain(other.zip)) for other in own):
            return self.env._("the same address")
        return ""

    @api.model
    def _plain(self, text):
        return " ".join((text or "").casefold().split())

    @api.model
    def _is_same_phone(self, one, other):
        # with and without the country, a number has the same end
        short, long = sorted(
            ("".join(filter(str.isdecimal, number or "")).lstrip("0") for number in (one, other)), key=len
        )
        return len(short) >= _PHONE_DIGITS and long.endswith(short)

    @api.model
    def _tell(self, referrer, vals, same):
        """Tell the salesperson of a customer that somebody who looks like itself came by its link."""
        name = vals.get("name") or vals.get("contact_name") or vals.get("email") or ""
        text = self.env._(
            "%(name)s came by this customer's referral link and has %(same)s: not noted as referred.",
            name=name,
            same=same,
        )
        responsible = referrer.user_id or referrer.commercial_partner_id.user_id
        if responsible:
            referrer.activity_schedule("mail.mail_activity_data_todo", user_id=responsible.id, note=text)
        else:
            referrer.message_post(body=text, subtype_xmlid="mail.mt_note")

import base64
import secrets
from datetime import date, timedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import format_date
from odoo.tools.barcode import createBarcodeDrawing, get_barcode_check_digit

#: how long a birthday stays that a customer entered
_BIRTHDAY_STAYS = timedelta(days=365)
#: what the scanner of Odoo's till takes for a customer (Odoo's rule *Customer Barcodes*), and the digits that follow
_PREFIX, _DIGITS = "042", 9


class CrmValueMembership(models.AbstractModel):
    """What a customer does on its own page: birthday and wishes, its wish not to be scored, a membership card.

    How to use: the pages under /my/loyalty call the methods with the contact of the user who is logged in.

    How it works: the values are those of the contact that employees see, and each change is noted there. A birthday
    that a customer enters stays for a year, and brings a gift after 30 days at the earliest
    (`crm.value.gift.calendar`): nobody has a birthday whenever a gift would come in handy. A profile is complete with
    a birthday and, where the company asks for interests, one of these.
    """

    _name = "crm.value.membership"
    _description = "Customer Value: What Customers Do"

    # the profile

    @api.model
    def _prepare_profile(self, partner, company, value):
        """Return what a person may see and change of its own profile: a dict of plain data.

        :param value: of its customer, empty where the person may not see it
        Keys: ``birthday may_set_birthday fixed_until has_gift is_scored may_stop_scoring``, and what it wishes:
        ``channels languages interests``, lists of dicts ``code name is_chosen``.
        """
        person = partner.sudo()  # sudo: the person's own data
        customer = person.commercial_partner_id
        fixed_until = self._fixed_until(person, company)
        return {
            "birthday": person.birthdate_date,
            "may_set_birthday": not fixed_until,
            "fixed_until": fixed_until if fixed_until != date.max else False,
            "has_gift": self._has_gift(person, value),
            "is_scored": not customer.value_opt_out,
            # an employee does not decide for the firm
            "may_stop_scoring": person == customer,
            "channels": self._choices(self._channels(), person.preferred_channel),
            "languages": self._choices(self.env["res.lang"].get_installed(), person.lang),
            "interests": [
                {
                    "code": str(interest.id),
                    "name": interest.name,
                    "is_chosen": interest in person.value_interest_ids,
                }
                for interest in self._interests()
            ],
        }

    @api.model
    def _choices(self, choices, chosen):
        return [{"code": code, "name": name, "is_chosen": code == chosen} for code, name in choices]

    @api.model
    def _channels(self):
        """Return the ways by which a customer may wish to hear from us, as (code, label), as far as there are any."""
        ways = self.env["crm.value.followup.action"]._actions()
        field = self.env["res.partner"]._fields["preferred_channel"]
        return [(code, label) for code, label in field._description_selection(self.env) if code in ways]

    @api.model
    def _interests(self):
        # sudo: customers have no rights on the list; they choose from it
        return self.env["crm.value.interest"].sudo().search([])

    @api.model
    def _is_complete(self, person):
        return bool(person.birthdate_date and (person.value_interest_ids or not self._interests()))

    @api.model
    def _fixed_until(self, person, company):
        """Return until when the birthday stays as it is: a date, or False."""
        if not person.birthdate_date:
            return False
        # what an employee entered, only employees change
        until = (person.value_birthday_entered_on or date.max - _BIRTHDAY_STAYS) + _BIRTHDAY_STAYS
        return until if until > company._value_today() else False

    @api.model
    def _has_gift(self, person, value):
        """Tell whether there is a gift to come for completing the profile."""
        if person.value_profile_completed_on or person != person.commercial_partner_id or not value.tier_id:
            return False
        if self._is_complete(person):
            return False
        Calendar = value.env["crm.value.gift.calendar"]
        return bool(Calendar._due_for(value, value.tier_id, value.company_id._value_today(), "activated"))

    @api.model
    def _value(self, person, company):
        # sudo: customers have no rights on values; this is their own
        return (
            self.env["crm.value"]
            .sudo()
            .search([("partner_id", "=", person.commercial_partner_id.id), ("company_id", "=", company.id)], limit=1)
        )

    @api.model
    def _set_birthday(self, partner, company, text):
        """Store the birthday that a person entered (see `_complete`).

        :param text: ISO date, as browsers send it
        :raise UserError: it is no date of the past, or was entered less than a year ago
        """
        person, today = partner.sudo(), company._value_today()  # sudo: the person's own data
        try:
            birthday = date.fromisoformat(text or "")
        except ValueError:
            raise UserError(self.env._("Please enter your birthday as a date.")) from None
        if not date(1900, 1, 1) <= birthday < today:
            raise UserError(self.env._("A birthday lies in the past, and after 1900."))
        if birthday == person.birthdate_date:
            return
        fixed_until = self._fixed_until(person, company)
        if fixed_until == date.max:
            raise UserError(self.env._("Your birthday was entered by us. If it is wrong, please tell us."))
        if fixed_until:
            raise UserError(
                self.env._(
                    "You can change your birthday again on %(date)s. If it is wrong, please tell us.",
                    date=format_date(self.env, fixed_until),
                )
            )
        person.write({"birthdate_date": birthday, "value_birthday_entered_on": today})
        self._note(person, self.env._("The customer entered its birthday."))
        self._complete(person, company)

    @api.model
    def _set_wishes(self, partner, company, channel, language, interest_ids):
        """Store by which way and in which language a person wants to hear from us, and about what.

        :param channel: code, "" for no wish
        :param interest_ids: list of int; what is not on the list of interests is left out
        :raise UserError: there is no such way or language
        """
        person = partner.sudo()  # sudo: the person's own data
        if channel and channel not in dict(self._channels()):
            raise UserError(self.env._("Please choose how you would like to hear from us."))
        if language and language not in dict(self.env["res.lang"].get_installed()):
            raise UserError(self.env._("Please choose one of the languages."))
        offered = self._interests()
        # whoever chose something that is not offered any more keeps it
        kept = person.with_context(active_test=False).value_interest_ids - offered
        vals = {
            "preferred_channel": channel or False,
            "lang": language or person.lang,
            "value_interest_ids": offered.filtered(lambda interest: interest.id in interest_ids) | kept,
        }
        changed = [name for name, value in vals.items() if person.with_context(active_test=False)[name] != value]
        if not changed:
            return
        person.write({**vals, "value_interest_ids": [(6, 0, vals["value_interest_ids"].ids)]})
        names = ", ".join(person._fields[name]._description_string(self.env) for name in changed)
        self._note(person, self.env._("The customer changed its profile: %(fields)s.", fields=names))
        self._complete(person, company)

    @api.model
    def _complete(self, person, company):
        """Note that a customer has just completed its profile, once in its life, and give what it gets for that."""
        is_customer = person == person.commercial_partner_id
        if not is_customer or person.value_profile_completed_on or not self._is_complete(person):
            return
        person.value_profile_completed_on = company._value_today()
        value = self._value(person, company)
        value.env["crm.value.gift.calendar"]._give_for_activation(value)

    @api.model
    def _set_scoring(self, partner, is_wanted):
        """Store whether a customer wants to be scored.

        :raise UserError: the person is an employee of the customer
        """
        person = partner.sudo()  # sudo: the person's own data
        if person != person.commercial_partner_id:
            raise UserError(
                self.env._("The loyalty tier belongs to %(customer)s.", customer=person.commercial_partner_id.name)
            )
        if person.value_opt_out != is_wanted:
            return
        person.value_opt_out = not is_wanted
        if is_wanted:
            self._note(person, self.env._("The customer wants to take part in the loyalty program."))
        else:
            self._note(person, self.env._("The customer does not want to be scored."))

    @api.model
    def _note(self, person, text):
        person.message_post(body=text, author_id=person.id, subtype_xmlid="mail.mt_note")

    # the card

    @api.model
    def _prepare_card(self, partner, company):
        """Return the membership card of a person as plain data; None without a page.

        Keys: ``name company tier number``, and ``image``, the number as a QR code (the address of an image).
        The number is the one of the contact; a contact without one gets it now.
        """
        state, value = self.env["crm.value.portal"]._portal_access(partner, company)
        if state not in ("tier", "none"):
            return None
        tier = value.tier_id
        number = self._number(partner, company)
        # as SVG: Odoo's own images of bar codes need a renderer that many a server does not have
        image = createBarcodeDrawing("QR", value=number, width=220, height=220).asString("svg")
        return {
            "name": partner.sudo().name,  # sudo: the person's own name
            "company": company.sudo().name,
            "tier": self.env["crm.value.portal"]._prepare_portal_label(tier) if tier else False,
            "number": number,
            "image": f"data:image/svg+xml;base64,{base64.b64encode(image.encode()).decode()}",
        }

    @api.model
    def _number(self, partner, company):
        """Return the membership number of a person in a company, the barcode of its contact."""
        person = partner.sudo().with_company(company)  # sudo: the person's own number
        if not person.barcode:
            # drawn, not counted: nobody gets the number of somebody else by adding 1
            numbers = (self._draw_number() for _attempt in range(100))
            person.barcode = next(
                number for number in numbers if not person.search_count([("barcode", "=", number)], limit=1)
            )
        return person.barcode

    @api.model
    def _draw_number(self):
        number = f"{_PREFIX}{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"
        return f"{number}{get_barcode_check_digit(number + '0')}"

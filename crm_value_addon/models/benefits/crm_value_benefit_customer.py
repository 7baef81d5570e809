from odoo import api, fields, models


class CrmValueBenefit(models.Model):
    """A benefit in the words of the customer who gets it; notes for the seller are not for him."""

    _inherit = "crm.value.benefit"

    customer_text = fields.Char(
        string="In the Customer's Words", translate=True,
        help="What the customer reads of it in the portal and in mails. Empty: a general text; no note is ever shown.")

    @api.model
    def _tell_customer(self, tier, company, value=None):
        """Return what a tier gives now, in the customer's words.

        :param value: of a customer that has the tier already: without the gift for reaching it, and without what a
            person set otherwise for this customer
        """
        told = []
        for entry in self._in_force(tier, company, company._value_today()):
            benefit = self.browse(entry.id)
            is_past = benefit.benefit_type == "gift" and benefit.occasion == "reach"
            if not value or not is_past and not self.env[
                    "crm.value.benefit.state"]._manual_override(value, entry):
                told.append(benefit._customer_words(company))
        return [text for text in told if text]

    def _customer_words(self, company):
        """Return this benefit in the customer's words, False when there is nothing to tell."""
        self.ensure_one()
        if self.benefit_type == "note":
            return False
        if self.customer_text:
            return self.customer_text
        if self.benefit_type == "manager":
            manager = self._manager(self.tier_id, company, company._value_today())
            return manager and self.env._("Your own contact: %(name)s", name=manager.name)
        return {
            # The names of pricelists and programs of gifts are for ourselves.
            "pricelist": self.env._("Special prices"),
            "payment_term": self.env._("Payment terms: %(name)s", name=self.payment_term_id.name),
            "program": self.program_id.name,
            "points_multiplier": self.env._("Loyalty points × %(factor)s", factor=f"{self.points_factor:g}"),
            "gift": self._customer_words_of_gift(),
            "priority": self.env._("Your orders are delivered first"),
        }[self.benefit_type]

    def _customer_words_of_gift(self):
        return {
            "reach": self.env._("A welcome gift"),
            "birthday": self.env._("A gift on your birthday"),
            "anniversary": self.env._("A gift on the anniversary of your first purchase"),
        }.get(self.occasion)

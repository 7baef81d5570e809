from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...const import MANAGER_GROUP
from ..benefits.crm_value_gift import GOODWILL


class CrmValueGoodwill(models.AbstractModel):
    """Coupons by which sellers make good what went wrong, without asking, within limits.

    How to use: `_give` for a complaint.

    How it works: the memory of gifts (`crm.value.grant`) gives one coupon for a complaint. The customer's tier says how
    many of them it may get in 12 months, the settings how many a seller may give in a month; a sales manager may give
    more. What counts are the gifts themselves.
    """

    _name = "crm.value.goodwill"
    _description = "Customer Value: Goodwill Coupons"

    @api.model
    def _give(self, complaint):
        """Give the coupon for a complaint.

        :raise UserError: it may not be given
        """
        company = complaint.company_id.sudo()  # sudo: reads the settings
        if complaint.nature != "complaint" or not company.value_goodwill_program_id:
            raise UserError(self.env._("There is no goodwill coupon to give: the settings name no program."))
        value = self.env["crm.value.referral.reward"]._ensure_values(company, complaint.customer_id.ids)[
            complaint.customer_id.id
        ]
        self._lock(company)
        if not self.env.user.has_group(MANAGER_GROUP):
            self._check_allowance(company, value)
        # sudo: users have no rights to give gifts; the allowance was checked
        gift = (
            self.env["crm.value.grant"]
            .sudo()
            ._claim(
                [
                    (
                        self.env["crm.value.benefit"],
                        value,
                        f"{GOODWILL} {complaint.id}",
                        company._value_today(),
                        self.env["crm.value"],
                    )
                ]
            )
        )
        if not gift:
            raise UserError(self.env._("The customer already got a coupon for this complaint."))
        complaint.sudo().goodwill_id = gift  # sudo: nobody but this action writes it
        complaint.message_post(body=self.env._("Goodwill coupon given: %(code)s", code=gift.card_id.code))

    @api.model
    def _lock(self, company):
        """Refuse what two sessions of a user give at once: neither would count the other's."""
        [[is_alone]] = self.env.execute_query(
            SQL("SELECT pg_try_advisory_xact_lock(%s, %s)", -company.id, self.env.uid)
        )
        if not is_alone:
            raise UserError(self.env._("You are giving another coupon at this moment. Try again."))

    @api.model
    def _check_allowance(self, company, value):
        """Refuse what goes beyond the allowance of the customer's tier, or of the user."""
        today = company._value_today()
        least = value.tier_id.goodwill_limit
        if self._count(value_id=value.id, since=today - relativedelta(years=1)) >= least:
            raise UserError(
                self.env._(
                    "Customers of %(tier)s get %(limit)s goodwill coupons in 12 months. Ask a sales manager.",
                    tier=value.tier_id.name or self.env._("no tier"),
                    limit=least,
                )
                if least
                else self.env._(
                    "Sellers give no goodwill coupon to customers of %(tier)s. Ask a sales manager.",
                    tier=value.tier_id.name or self.env._("no tier"),
                )
            )
        limit = company.value_goodwill_monthly
        if self._count(user_id=self.env.uid, company=company, since=today.replace(day=1)) >= limit:
            raise UserError(
                self.env._(
                    "You may give %(limit)s goodwill coupons a month, and have given them. Ask a sales manager.",
                    limit=limit,
                )
            )

    @api.model
    def _count(self, since, value_id=None, user_id=None, company=None):
        """Return how many goodwill coupons were given since a day, to a customer or by a user."""
        domain = [("is_goodwill", "=", True), ("state", "=", "given"), ("date", ">=", since)]
        if value_id:
            domain.append(("value_id", "=", value_id))
        if user_id:
            domain += [("create_uid", "=", user_id), ("value_id.company_id", "=", company.id)]
        # sudo: counts what the user may not read, too
        return self.env["crm.value.grant"].sudo().search_count(domain)

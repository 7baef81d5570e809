from odoo import api, models


class MailingFilter(models.Model):
    """Ready filters of a company's customers.

    The company is part of each condition: Odoo's cron searches the recipients of a planned mailing as its own user, in
    the company of that one.
    """

    _inherit = "mailing.filter"

    @api.model
    def _value_make_ready(self, companies):
        """Make the ready filters of companies, each named for its company where there are several."""
        model_id = self.env["ir.model"]._get_id("res.partner")
        self.create(
            [
                {
                    "name": f"{name} · {company.name}",
                    "mailing_model_id": model_id,
                    "mailing_domain": repr(self._value_domain(company, condition)),
                }
                for company in companies
                for name, condition in self._value_conditions().items()
            ]
        )

    @api.model
    def _value_domain(self, company, condition):
        """Return the domain of the contacts whose customer value in a company fulfils a condition."""
        return [
            ("value_opt_out", "=", False),
            ("commercial_partner_id.value_ids", "any", [("company_id", "=", company.id), *condition]),
        ]

    @api.model
    def _value_conditions(self):
        """Return the conditions on customer values by the names of the filters."""
        return {
            self.env._("Customers with a tier"): [("tier_id", "!=", False)],
            self.env._("Near the next tier"): [("next_tier_id", "!=", False), ("tier_id", "!=", False)],
            self.env._("Tier in danger"): [("tier_review_date", "!=", False)],
            self.env._("New customers"): [("lifecycle_stage", "=", "new")],
            self.env._("Loyal customers"): [("lifecycle_stage", "=", "loyal")],
            self.env._("Customers at risk"): [("lifecycle_stage", "=", "at_risk")],
            self.env._("Lost customers"): [("lifecycle_stage", "=", "lost")],
            self.env._("Won back"): [("lifecycle_stage", "=", "won_back")],
            self.env._("Best tenth by value"): [("value_percentile", ">=", 90)],
            **{
                self.env._("Segment: %(segment)s", segment=segment.name): [("rfm_segment", "=", segment.id)]
                for segment in self.env["crm.value.rfm.segment"].search([])
            },
        }

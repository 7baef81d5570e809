from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL


class MailingMailing(models.Model):
    """Measures a mailing on what its customers buy afterwards, against a share of them that does not get it.

    How to use: a share to hold out, on a mailing to contacts; the results are those of a follow-up rule of its own
    (*Follow-up Results*).

    How it works: when Odoo asks for the recipients, the customers are drawn as those of a rule are: all contacts of a
    company together, by a secret. Both groups are remembered as follow-ups before the first mail is made, in the
    transaction that makes it.
    """

    _inherit = "mailing.mailing"

    value_holdout_percent = fields.Float(
        string="Control Group (%)", help="Share of the customers that do not get the mailing, to measure what it brings"
    )
    value_measure_days = fields.Integer(string="Measured for (days)", default=60)
    value_company_id = fields.Many2one(
        "res.company",
        string="Measured in",
        default=lambda self: self.env.company,
        help="Whose invoices show the result",
    )
    value_cost = fields.Monetary(
        string="Cost of the Mailing",
        currency_field="value_currency_id",
        help="Shared by the customers that got it: a cost of winning those without a purchase, of keeping the others",
    )
    value_currency_id = fields.Many2one(related="value_company_id.currency_id", string="Value Currency")
    value_rule_id = fields.Many2one(
        "crm.value.followup.rule", string="Results", ondelete="set null", readonly=True, copy=False
    )
    value_verdict = fields.Char(related="value_rule_id.verdict", string="What It Brought")

    @api.constrains(
        "value_holdout_percent", "value_measure_days", "value_cost", "mailing_model_id", "ab_testing_enabled"
    )
    def _check_value_holdout(self):
        for mailing in self:
            is_measured = mailing.value_holdout_percent > 0
            if not (0 <= mailing.value_holdout_percent <= 90 and 1 <= mailing.value_measure_days <= 730):
                raise ValidationError(
                    self.env._("The control group is at most 90 %, and a mailing is measured for 1 to 730 days.")
                )
            if mailing.value_cost < 0:
                raise ValidationError(self.env._("The cost of a mailing is not negative."))
            if is_measured and mailing.mailing_model_real != "res.partner":
                raise ValidationError(self.env._("Only a mailing to contacts can have a control group of customers."))
            if is_measured and mailing.ab_testing_enabled:
                raise ValidationError(self.env._("An A/B test and a control group exclude each other."))

    def _value_is_measured(self):
        return self.mailing_model_real == "res.partner" and (self.value_holdout_percent or self.value_cost)

    def _get_recipients(self):
        recipients = super()._get_recipients()
        if not recipients or not self._value_is_measured() or not self.value_holdout_percent:
            return recipients
        held_out = self._value_held_out(recipients)
        return [partner_id for partner_id in recipients if partner_id not in held_out]

    def _value_held_out(self, partner_ids):
        """Return those of the contacts whose customer is held out."""
        customer_of = self._value_customers(partner_ids)
        rule = self._value_rule()
        plan = self.env["crm.value.followup.plan"]
        held_out = plan._draw_partners(rule, self.value_holdout_percent, set(customer_of.values()))
        return {partner_id for partner_id, customer in customer_of.items() if customer in held_out}

    def _value_customers(self, partner_ids):
        """Return the customer of each contact: dict partner id → id of its commercial partner."""
        self.env["res.partner"].flush_model(["commercial_partner_id"])
        return dict(
            self.env.execute_query(
                SQL("SELECT id, commercial_partner_id FROM res_partner WHERE id = ANY(%s)", list(partner_ids))
            )
        )

    def _value_rule(self):
        """Return the rule that stands for this mailing; it schedules nothing itself."""
        self.ensure_one()
        if not self.value_rule_id:
            # sudo: whoever sends mailings need not manage rules.
            self.sudo().value_rule_id = (
                self.env["crm.value.followup.rule"]
                .sudo()
                .create(
                    {
                        "name": self.subject,
                        "active": False,
                        "trigger": "manual",
                        "action_type": "mailing",
                        "mailing_id": self.id,
                        "company_id": self.value_company_id.id,
                        "holdout_percent": self.value_holdout_percent,
                        "measure_days": self.value_measure_days,
                    }
                )
            )
        return self.value_rule_id.sudo()  # sudo: as above

    def _action_send_mail(self, res_ids=None):
        for mailing in self.filtered(lambda mailing: mailing._value_is_measured()):
            mailing._value_remember()
        return super()._action_send_mail(res_ids)

    def _value_remember(self):
        """Remember both groups, once each, as follow-ups of today."""
        partner_ids = super()._get_recipients()  # pylint: disable=super-method-mismatch
        rule, customers = self._value_rule(), set(self._value_customers(partner_ids).values())
        company = self.value_company_id
        control = self.env["crm.value.followup.plan"]._draw_partners(rule, self.value_holdout_percent, customers)
        self.env["crm.value"].flush_model()
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value_followup (rule_id, value_id, company_id, occasion, date, "group", channel, state,
                                            closed_date, is_in_time, is_measured, is_compared, holdout_percent,
                                            revenue_before)
            SELECT %(rule)s, value.id, %(company)s, %(occasion)s, %(today)s,
                   CASE WHEN incoming.is_control THEN 'control' ELSE 'treated' END, 'mailing',
                   CASE WHEN incoming.is_control THEN 'control' ELSE 'done' END, %(today)s, FALSE, FALSE,
                   %(share)s::float8 > 0, %(share)s::float8, value.revenue_12m
              FROM unnest(%(customers)s::int[], %(flags)s::bool[]) AS incoming(partner_id, is_control)
              JOIN crm_value value ON value.partner_id = incoming.partner_id AND value.company_id = %(company)s
            ON CONFLICT DO NOTHING
            """,
                rule=rule.id,
                company=company.id,
                occasion=f"mailing-{self.id}",
                today=company._value_today(),
                share=self.value_holdout_percent,
                customers=list(customers),
                flags=[customer in control for customer in customers],
            )
        )
        self.env["crm.value.followup"].invalidate_model()

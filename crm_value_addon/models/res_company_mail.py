from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    value_mail_reached_id = fields.Many2one(
        "mail.template", string="Mail: Tier Reached", ondelete="set null", domain="[('model', '=', 'crm.value')]",
        help="Sent to a customer that earned a higher tier. Empty: no mail.")
    value_mail_danger_id = fields.Many2one(
        "mail.template", string="Mail: Tier in Danger", ondelete="set null", domain="[('model', '=', 'crm.value')]",
        help="Sent to a customer some days before it loses its tier. Empty: no mail.")
    value_mail_danger_days = fields.Integer(string="Days Before the Tier Is Lost", default=14)
    value_mail_birthday_id = fields.Many2one(
        "mail.template", string="Mail: Birthday Gift", ondelete="set null",
        domain="[('model', '=', 'crm.value.grant')]",
        help="Sent with a birthday gift. Empty: the mail of the coupon's program.")
    value_mail_anniversary_id = fields.Many2one(
        "mail.template", string="Mail: Anniversary Gift", ondelete="set null",
        domain="[('model', '=', 'crm.value.grant')]",
        help="Sent with a gift on the anniversary of the first purchase. Empty: the mail of the coupon's program.")

    _value_mail_danger_days_positive = models.Constraint(
        "CHECK(value_mail_danger_days BETWEEN 0 AND 366)",
        "A tier in danger is told between 0 and 366 days before it is lost.")

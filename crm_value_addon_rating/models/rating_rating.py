from odoo import fields, models


class RatingRating(models.Model):
    """An answer to a rule's question; a low one becomes a complaint for whoever is responsible for its cause."""

    _inherit = "rating.rating"

    value_rule_id = fields.Many2one(
        "crm.value.followup.rule", string="Asked by Rule", ondelete="set null", index="btree_not_null", readonly=True
    )
    value_feedback_id = fields.Many2one(
        "crm.value.feedback", string="Complaint", ondelete="set null", index="btree_not_null", readonly=True
    )

    def write(self, vals):
        result = super().write(vals)
        if "rating" in vals or "consumed" in vals:
            self._open_complaints()
        return result

    def _open_complaints(self):
        """Make complaints of the low answers among these that have none yet; a better answer closes nothing."""
        # sudo: the customer answers, who may read neither the rule nor the complaint
        low = self.sudo().filtered(
            lambda one: (
                one.value_rule_id
                and one.consumed
                and not one.value_feedback_id
                and 0 < one.rating <= one.value_rule_id.asked_limit
            )
        )
        kind = (
            self.env["crm.value.feedback.kind"]
            .sudo()
            .search([("nature", "=", "complaint"), ("source", "=", "manual"), ("company_id", "=", False)], limit=1)
        )
        for answer in low if kind else ():
            value = self.env["crm.value"].sudo().browse(answer.res_id).exists()
            if not value:
                continue
            cause = answer.value_rule_id.asked_cause_id
            said = answer.feedback or self.env._("%(stars)s of 5 stars", stars=int(answer.rating))
            answer.value_feedback_id = (
                self.env["crm.value.feedback"]
                .sudo()
                .create(
                    {
                        "partner_id": answer.partner_id.id or value.partner_id.id,
                        "company_id": value.company_id.id,
                        "kind_id": kind.id,
                        "cause_id": cause.id,
                        "user_id": (cause.user_id or value.user_id or answer.value_rule_id.user_id).id,
                        "date": value.company_id._value_today(),
                        "description": said.splitlines()[0][:200],
                        "promised": False,
                    }
                )
            )

from odoo import api, models

#: stands in a text for the token of a question, which exists once the mail is sent
PLACEHOLDER = "value-rating-token"


class CrmValueMessage(models.AbstractModel):
    """Lets the text of a question name the links of its answers: ``rate_url[5]``, ``rate_url[3]``, ``rate_url[1]``."""

    _inherit = "crm.value.message"

    @api.model
    def _variables(self, rule):
        variables = super()._variables(rule)
        if rule.action_type != "rating":
            return variables
        base = self.env["crm.value"].get_base_url()
        return {**variables, "rate_url": {stars: f"{base}/rate/{PLACEHOLDER}/{stars}" for stars in (1, 3, 5)}}

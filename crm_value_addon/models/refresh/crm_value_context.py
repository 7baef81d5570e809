from odoo import api, models

#: what the addon tells itself in the context, to ask "what if": nothing of it may reach a stored figure
_HINTS = (
    "value_as_of", "value_unposted", "value_draft", "value_merged", "value_horizon", "value_fit_id",
    "value_for_customer", "value_intercompany",
)


class CrmValue(models.Model):
    """A caller can put anything into the context: what is stored follows from the documents all the same."""

    _inherit = "crm.value"

    def _without_hints(self, *others):
        context = {
            name: value for name, value in self.env.context.items() if name not in _HINTS and name not in others}
        # keywords add to a context, only a dict takes something away
        return self.with_context(context)  # pylint: disable=context-overridden

    def _refresh_customers(self, *args, **kwargs):
        return super(CrmValue, self._without_hints())._refresh_customers(*args, **kwargs)

    def _refresh_company(self, transaction=None):
        return super(CrmValue, self._without_hints())._refresh_company(transaction)

    @api.model
    def action_recompute_company(self):
        return super(CrmValue, self._without_hints("value_tier_source")).action_recompute_company()


class ResPartner(models.Model):
    _inherit = "res.partner"

    def action_recompute_value(self):
        # Why tiers move is for the machine to say.
        return super(ResPartner, self.with_context(value_tier_source=False)).action_recompute_value()

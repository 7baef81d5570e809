from odoo import api, models
from odoo.exceptions import UserError

from ...const import SALES_CHANNELS

#: name of a filter → path of a field of `crm.value`; all figures of the dashboard are of the customers that match
PATHS = {
    "user_id": "partner_id.user_id",
    "team_id": "partner_id.user_id.sale_team_id",
    "country_id": "partner_id.country_id",
    "tag_id": "partner_id.category_id",
    "channel_id": "snapshot_ids.source_id",
    "through": "sales_channel",
}
#: more choices than these are looked for in the list of customers
_CHOICES = 200


class CrmValueDashboardFilter(models.AbstractModel):
    """Whose figures the dashboard shows: those of a salesperson, team, country, tag or channel, of winning or of sales.

    How to use: `read_choices` for the screen, `_conditions` for the scope.

    How it works: a filter is a condition on `crm.value`, so that a list behind a figure is found by the same condition.
    The channel is that of the customer's first won opportunity, as its month ends keep it.
    """

    _name = "crm.value.dashboard.filter"
    _description = "Customer Value Dashboard: Filter"

    @api.readonly
    @api.model
    def read_choices(self):
        """Return what a dashboard can be filtered by: dict name → list of [id, name], without empty ones.

        :raise AccessError: the user may not read customer values
        """
        Value = self.env["crm.value"]
        Value.check_access("read")
        in_companies = [("company_id", "in", self.env.companies.ids)]
        choices = {
            "team_id": self.env["crm.team"].search([], limit=_CHOICES),
            "country_id": self.env["res.country"].browse(
                country.id for [country] in Value._read_group(in_companies, ["country_id"]) if country
            ),
            "tag_id": self.env["res.partner.category"].search([], limit=_CHOICES),
            "channel_id": self.env["utm.source"].search([("id", "in", self._channel_ids())]),
        }
        through = self._sales_channels(in_companies)
        return ({"through": through} if len(through) > 1 else {}) | {
            name: [[record.id, record.display_name] for record in records.sorted("display_name")[:_CHOICES]]
            for name, records in choices.items()
            if records
        }

    @api.model
    def _sales_channels(self, domain):
        """Return through what customers buy, as pairs of a number, from 1 on, and a label."""
        Value = self.env["crm.value"]
        found = {code for [code] in Value._read_group([*domain, ("sales_channel", "!=", False)], ["sales_channel"])}
        labels = dict(Value._fields["sales_channel"]._description_selection(self.env))
        return [[number, labels[code]] for number, (code, _label) in enumerate(SALES_CHANNELS, 1) if code in found]

    @api.model
    def _channel_ids(self):
        """Return the sources through which customers of the active companies came."""
        return [
            source.id
            for [source] in self.env["crm.value.snapshot"]._read_group(
                [("company_id", "in", self.env.companies.ids), ("source_id", "!=", False)], ["source_id"]
            )
        ]

    @api.model
    def _conditions(self, filters):
        """Return the conditions of the filters that are set.

        :raise UserError: there is no such filter, or its value is no id
        """
        conditions = []
        if not isinstance(filters or {}, dict):
            raise UserError(self.env._("Filters are names with an id each, such as {'team_id': 3}."))
        for name, chosen in (filters or {}).items():
            if name not in PATHS or chosen is True or not isinstance(chosen or 0, int) or abs(chosen or 0) >= 2**31:
                raise UserError(self.env._("The dashboard has no filter called %(name)s.", name=name))
            if name == "through" and chosen and not 0 < chosen <= len(SALES_CHANNELS):
                raise UserError(self.env._("Customers buy through one of the channels 1 to %s.", len(SALES_CHANNELS)))
            if chosen:
                value = SALES_CHANNELS[chosen - 1][0] if name == "through" else chosen
                conditions.append((PATHS[name], "=", value))
        return tuple(conditions)

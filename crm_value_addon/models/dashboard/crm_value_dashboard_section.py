import json

from odoo import api, fields, models

#: name of an amount → the field of `crm.value` that it is the sum of
SUMS = {"revenue": "revenue_12m", "margin": "margin_12m", "clv": "clv", "equity": "equity"}


class CrmValueDashboardSection(models.AbstractModel):
    """A section of the dashboard: the figures of one card.

    How to use: define a model ``crm.value.dashboard.<name>`` that inherits this one and implements `_read`, and
    register the component that draws it under the same name (see docs/dashboard.md).

    How it works: a figure is a dict with ``count`` and ``domain`` (and ``model`` where it is not crm.value): exactly
    the records behind it; ``columns`` says of which field each amount is the sum, and the list that a figure opens has
    these columns (`crm_value_view_list_dashboard`). What several sections add up is in `scope.sums`.
    """

    _name = "crm.value.dashboard.section"
    _description = "Customer Value Dashboard: Section"
    #: the place in the reading order: a section may use those before it
    _section_sequence = 100
    #: read by a call of its own once the page is drawn, because its rows are many; it then uses no other section
    _is_deferred = False

    @api.model
    def _is_shown(self, scope):
        """Return whether there is anything of the kind to show."""
        return True

    @api.model
    def _read(self, scope, payload):
        """Return the figures of the section as a dict of JSON values.

        :param Scope scope: what the dashboard is about
        :param dict payload: the sections read so far
        """
        raise NotImplementedError

    @api.model
    def _plain(self, domain):
        """Return a domain as JSON holds it."""
        return json.loads(json.dumps(list(domain), default=fields.Date.to_string))

    @api.model
    def _figure(self, domain, count, model="crm.value", columns=None, **amounts):
        """Return a figure with the records behind it.

        :param Domain domain: on a model that the user may read
        :param amounts: sums over these records
        :param columns: name of an amount → the field that it is the sum of, where that is not told by `SUMS`
        """
        figure = {
            "count": count,
            "domain": self._plain(domain),
            "columns": {name: column for name, column in (columns or SUMS).items() if name in amounts},
            **{name: round(float(amount or 0), 6) for name, amount in amounts.items()},
        }
        return figure if model == "crm.value" else figure | {"model": model}

from odoo import api, fields, models
from odoo.tools import html2plaintext

_MODULE = "crm_value_addon"
#: what to tell of Odoo's own records that the addon made; of others, what it keeps on them
_MADE = {"mail.message": ("date", "body"), "mail.activity": ("date_deadline", "summary", "note")}
_TECHNICAL = {*models.MAGIC_COLUMNS, "display_name"}
_UNTOLD_TYPES = ("one2many", "many2many", "binary", "properties", "properties_definition", "reference")


class ResPartner(models.Model):
    """All that the addon holds about a customer, as plain data with the words of the screens (docs/privacy.md)."""

    _inherit = "res.partner"

    def _value_subject_data(self):
        """Return what the addon holds about this customer and its contacts, as far as the user may read it.

        :return: dict of JSON values: ``customer``, ``companies``, ``made_on``, ``records``: the name of each model →
            a list of dicts, by the labels of the fields; and ``definitions``: what the labels mean
        """
        self.ensure_one()
        customer = self.commercial_partner_id
        persons = self.with_context(active_test=False).search([("id", "child_of", customer.id)])
        records, definitions = {}, {}
        for model, domain in self._value_subject_domains(customer, persons).items():
            found = self.env[model].with_context(active_test=False).search(domain) \
                if self.env[model].has_access("read") else ()
            only_ours = not model.startswith("crm.value")
            rows = found._tell_subject(definitions, only_ours) if found else []
            rows = [row for row in rows if not only_ours or len(row) > 1]
            if rows:
                records[self.env["ir.model"]._get(model).display_name] = rows
        return {
            "customer": customer.display_name, "contacts": (persons - customer).mapped("display_name"),
            "companies": self.env.companies.mapped("name"), "made_on": fields.Datetime.now().isoformat() + "Z",
            "records": records, "definitions": dict(sorted(definitions.items()))}

    @api.model
    def _value_subject_domains(self, customer, persons):
        """Return where to look: model → domain; models of the addon are found by what they refer to a customer with."""
        values = self.env["crm.value"].search([("partner_id", "=", customer.id)])
        domains = {"res.partner": [("id", "in", persons.ids)]}
        for name, model in self.env.registry.items():
            if model._original_module != _MODULE or model._abstract or model._transient:
                continue
            of_partner, of_value = (self._value_subject_columns(name, comodel) for comodel in (self._name, "crm.value"))
            if of_partner:
                domains[name] = [(of_partner, "in", persons.ids)]
            elif of_value:
                domains[name] = [(of_value, "in", values.ids)]
            elif "move_id" in model._fields:
                domains[name] = [("move_id.commercial_partner_id", "=", customer.id)]
            elif "partner_key" in model._fields and name != "crm.value.queue":  # gone within a minute
                domains[name] = [("partner_key", "=", customer.id)]
        orders = self.env["sale.order"].search([("partner_id", "in", persons.ids)]) \
            if self.env["sale.order"].has_access("read") else self.env["sale.order"]
        return domains | {
            "sale.order": [("id", "in", orders.ids)], "crm.lead": [("partner_id", "in", persons.ids)],
            "mail.activity": [("value_followup_id.value_id", "in", values.ids)],
            "mail.message": [("model", "=", "crm.value"), ("res_id", "in", values.ids)]}

    @api.model
    def _value_subject_columns(self, model, comodel):
        columns = [name for name, field in self.env[model]._fields.items()
                   if field.type == "many2one" and field.comodel_name == comodel and field.store]
        return next((name for name in ("partner_id", "value_id") if name in columns), columns[:1] and columns[0])


class Base(models.AbstractModel):
    _inherit = "base"

    def _tell_subject(self, definitions, only_ours):
        """Return these records as dicts by the labels of their fields, without what says nothing.

        :param definitions: dict that the meaning of the labels is added to
        :param only_ours: what other modules hold is theirs to tell, but for the name of the record
        """
        described = self.fields_get(attributes=["string", "help", "type", "selection"])
        model = self.env["ir.model"]._get(self._name).display_name
        names = [
            name for name, about in described.items()
            if about["type"] not in _UNTOLD_TYPES and name not in _TECHNICAL
            and (not only_ours or name in _MADE.get(self._name, ())
                 or _MODULE in self._fields[name]._modules and self._fields[name].store)]
        labels = [described[name]["string"] for name in names]
        rows = []
        for record in self.read(["display_name", *names]):
            row = {self.env._("Record"): record["display_name"]} if only_ours else {}
            for name, label in zip(names, labels, strict=True):
                value = self._tell_subject_value(described[name], record[name])
                if value is not None:
                    label = label if labels.count(label) == 1 else f"{label} ({name})"
                    row[label] = value
                    if described[name].get("help"):
                        definitions[f"{model}: {label}"] = described[name]["help"]
            rows.append(row)
        return rows

    @api.model
    def _tell_subject_value(self, about, value):
        """Return a value of `read` as JSON has it, None for what is empty."""
        kind = about["type"]
        if kind == "boolean":
            return bool(value)
        if kind in ("integer", "float", "monetary"):
            return value
        if not value:
            return None
        if kind == "many2one":
            return value[1]
        if kind == "selection":
            return dict(about["selection"]).get(value, value)
        if kind == "html":
            return html2plaintext(value).strip() or None
        return value.isoformat() if hasattr(value, "isoformat") else value

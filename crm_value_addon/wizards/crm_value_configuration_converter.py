from odoo import api, models

from .configuration_file import carried_fields, name_field

_TYPES = {
    "boolean": bool,
    "integer": int,
    "float": (int, float),
    "monetary": (int, float),
    "char": str,
    "text": str,
    "html": str,
    "selection": str,
    "date": str,
    "datetime": str,
}


class CrmValueConfigurationConverter(models.AbstractModel):
    """Turns the values of a configuration file into values of the ORM.

    How to use: `_convert_values` for a record, `_convert` for one field. How it works: a value that does not fit its
    field, or that names a record that is not here, becomes a problem of the import and is replaced by False.
    """

    _name = "crm.value.configuration.converter"
    _description = "Customer Value Configuration: Converter"

    @api.model
    def _convert_values(self, job, model, values):
        """Return the values of a record of the file as the ORM takes them."""
        known, vals = set(carried_fields(model)), {}
        for name, value in values.items():
            if name in known:
                vals[name] = self._convert(job, model, name, value)
            else:
                job.problems.append(
                    self.env._("%(kind)s: the field %(name)s is not known here.", kind=model._description, name=name)
                )
        return vals

    @api.model
    def _convert(self, job, model, name, value):
        """Return a value of the file as the ORM takes it; texts in several languages stay a dict."""
        field = model._fields[name]
        if name == "metric" and model._name == "crm.value.tier.criterion":
            value = self.env["crm.value.tier.metric"]._from_file(value)
        if field.type == "many2one":
            return self._resolve(job, field, value)
        if value is None or value is False:
            if field.required and field.type != "boolean":
                job.problems.append(
                    self.env._("%(kind)s: %(field)s is missing.", kind=model._description, field=self._label(field))
                )
            return False
        if not self._fits(field, value):
            job.problems.append(
                self.env._(
                    "%(kind)s, %(field)s: “%(value)s” is no possible value.",
                    kind=model._description,
                    field=self._label(field),
                    value=str(value)[:50],
                )
            )
            return False
        return value

    @api.model
    def _fits(self, field, value):
        """Return whether a field can hold a value."""
        if isinstance(value, bool) != (field.type == "boolean"):
            return False
        texts = list(value.values()) if field.translate and isinstance(value, dict) and "en_US" in value else [value]
        if not all(isinstance(text, _TYPES.get(field.type, ())) for text in texts):
            return False
        return field.type != "selection" or value in field.get_values(self.env)

    @api.model
    def _resolve(self, job, field, value):
        """Return the id of the record that a reference names, None for one that the file will create."""
        if not value:
            return False
        if not isinstance(value, dict) or value.get("model") != field.comodel_name:
            job.problems.append(self.env._("A reference of the file is damaged: %(value)s", value=str(value)[:100]))
            return False
        if "id" in value:
            return (job.found.get(value["id"]) or self.env[field.comodel_name]).id or None
        by_xmlid = self._by_xmlid(field.comodel_name, value.get("xmlid"))
        return by_xmlid.id or self._by_name(job, field.comodel_name, value.get("name"))

    @api.model
    def _by_xmlid(self, model_name, xmlid):
        record = self.env.ref(xmlid, raise_if_not_found=False) if isinstance(xmlid, str) and "." in xmlid else None
        return record if record is not None and record._name == model_name else self.env[model_name]

    @api.model
    def _by_name(self, job, model_name, name):
        model = self.env[model_name]
        domain = [(name_field(model), "=", name)]
        if "company_id" in model._fields and model_name != "res.users":
            domain += self.env["crm.value.tier"]._domain_of(job.company)
        records = model.search(domain, limit=2)
        if len(records) == 1:
            return records.id
        if records:
            job.problems.append(
                self.env._(
                    "%(kind)s: several are called “%(name)s”; rename all but one.", kind=model._description, name=name
                )
            )
        else:
            job.problems.append(
                self.env._(
                    "%(kind)s: there is no “%(name)s” here; create it first.", kind=model._description, name=name
                )
            )
        return False

    @api.model
    def _label(self, field):
        return field.get_description(self.env, ["string"])["string"]

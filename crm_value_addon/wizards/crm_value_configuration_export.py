from odoo import api, models

from .configuration_file import FORMAT, KINDS, VERSION, carried_fields, carried_settings, name_field


class CrmValueConfigurationExport(models.AbstractModel):
    """The configuration of a company as data that JSON can hold.

    How to use: `_export(company)`. How it works: settings and records are exported field by field. A reference to a
    record of the file is its local id; a record elsewhere (pricelist, program, template) is named by its XML id and its
    name, not copied.
    """

    _name = "crm.value.configuration.export"
    _description = "Customer Value Configuration: Export"

    @api.model
    def _export(self, company):
        """Return the configuration of a company (see `configuration_file` and `crm.value.configuration.import`)."""
        records = {model: self._exported_records(company, model) for model in KINDS}
        return {
            "format": FORMAT,
            "version": VERSION,
            "exported_from": {
                "company": company.name,
                "currency": company.currency_id.name,
                "addon": self._addon_version(),
            },
            "settings": {name: self._export_value(company, name, records) for name in carried_settings(company)},
            "records": [self._export_record(record, records) for model in KINDS for record in records[model]],
        }

    @api.model
    def _addon_version(self):
        # sudo: the version of an app is no secret; only administrators may read its record.
        return self.env["ir.module.module"].sudo().search([("name", "=", "crm_value_addon")]).installed_version

    @api.model
    def _exported_records(self, company, model_name):
        """Return the records of a company, of its parents, and those of all companies, archived ones included."""
        model = self.env[model_name].with_context(active_test=False)
        domain = self.env["crm.value.tier"]._domain_of(company) if "company_id" in model._fields else []
        if model_name == "crm.value.tier.criterion":
            domain = [(f"tier_id.{name}", *rest) for name, *rest in self.env["crm.value.tier"]._domain_of(company)]
        return model.search(domain, order="id")

    @api.model
    def _export_record(self, record, records):
        exported = {
            "model": record._name,
            "id": self._local_id(record),
            "xmlid": self._xmlid(record),
            "values": {name: self._export_value(record, name, records) for name in carried_fields(record)},
        }
        if "company_id" in record._fields:
            exported["of_company"] = bool(record.company_id)
        return exported

    @api.model
    def _export_value(self, record, name, records):
        field, value = record._fields[name], record[name]
        if name == "metric" and record._name == "crm.value.tier.criterion":
            return self.env["crm.value.tier.metric"]._to_file(value)
        if field.type == "many2one":
            return self._export_reference(value, records)
        if field.translate and value:
            return self._export_texts(record, name)
        if field.type in ("date", "datetime"):
            return value and field.to_string(value)
        if field.type == "html":
            return value and str(value)
        return value

    @api.model
    def _export_texts(self, record, name):
        """Return the English text, and those of the other languages that differ from it."""
        languages = [code for code, _name in self.env["res.lang"].get_installed()]
        texts = {code: str(record.with_context(lang=code)[name]) for code in languages}
        source = str(record.with_context(lang="en_US")[name])
        return {"en_US": source, **{code: text for code, text in texts.items() if text != source}}

    @api.model
    def _export_reference(self, value, records):
        if not value:
            return False
        if value in records.get(value._name, ()):
            return {"model": value._name, "id": self._local_id(value)}
        return {"model": value._name, "xmlid": self._xmlid(value), "name": value[name_field(value)]}

    @api.model
    def _local_id(self, record):
        return f"{record._name},{record.id}"

    @api.model
    def _xmlid(self, record):
        """Return the XML id that a module gave a record; those of imports and exports are unknown elsewhere."""
        # sudo: reads a name only
        found = (
            self.env["ir.model.data"]
            .sudo()
            .search(
                [
                    ("model", "=", record._name),
                    ("res_id", "=", record.id),
                    ("module", "not in", ["__export__", "__import__"]),
                ],
                order="id",
                limit=1,
            )
        )
        return found.complete_name or False

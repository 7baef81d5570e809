from odoo import models

from .crm_value_configuration import FORMAT, KINDS, NAMES, VERSION


class CrmValueConfiguration(models.TransientModel):
    """Writing the file."""

    _inherit = "crm.value.configuration"

    def _export(self):
        """Return the configuration of the company as data that JSON can hold."""
        company = self.company_id
        records = {model: self._exported_records(model) for model in KINDS}
        return {
            "format": FORMAT, "version": VERSION,
            "exported_from": {
                "company": company.name, "currency": company.currency_id.name, "addon": self._addon_version()},
            "settings": {name: self._export_value(company, name, records) for name in self._carried_settings()},
            "records": [self._export_record(record, records) for model in KINDS for record in records[model]],
        }

    def _addon_version(self):
        # sudo: the version of an app is no secret, its record is the administrators'.
        return self.env["ir.module.module"].sudo().search([("name", "=", "crm_value_addon")]).installed_version

    def _exported_records(self, model_name):
        """Return the records of this company and those shared by all, archived ones too."""
        model = self.env[model_name].with_context(active_test=False)
        domain = [("company_id", "in", [False, self.company_id.id])] if "company_id" in model._fields else []
        if model_name == "crm.value.tier.criterion":
            domain = [("tier_id.company_id", "in", [False, self.company_id.id])]
        return model.search(domain, order="id")

    def _export_record(self, record, records):
        exported = {
            "model": record._name, "id": self._local_id(record), "xmlid": self._xmlid(record),
            "values": {name: self._export_value(record, name, records) for name in self._carried_fields(record)},
        }
        if "company_id" in record._fields:
            exported["of_company"] = bool(record.company_id)
        return exported

    def _export_value(self, record, name, records):
        field, value = record._fields[name], record[name]
        if field.type == "many2one":
            return self._export_reference(value, records)
        if field.translate and value:
            languages = [code for code, _name in self.env["res.lang"].get_installed()]
            texts = {code: str(record.with_context(lang=code)[name]) for code in languages}
            source = str(record.with_context(lang="en_US")[name])
            return {"en_US": source, **{code: text for code, text in texts.items() if text != source}}
        if field.type in ("date", "datetime"):
            return value and field.to_string(value)
        if field.type == "html":
            return value and str(value)
        return value

    def _export_reference(self, value, records):
        if not value:
            return False
        if value in records.get(value._name, ()):
            return {"model": value._name, "id": self._local_id(value)}
        return {"model": value._name, "xmlid": self._xmlid(value),
                "name": value[NAMES.get(value._name, value._rec_name)]}

    def _local_id(self, record):
        return f"{record._name},{record.id}"

    def _xmlid(self, record):
        """Return the XML id that a module gave a record; those of imports and exports mean nothing elsewhere."""
        # sudo: a name only
        found = self.env["ir.model.data"].sudo().search([
            ("model", "=", record._name), ("res_id", "=", record.id),
            ("module", "not in", ["__export__", "__import__"])], order="id", limit=1)
        return found.complete_name or False

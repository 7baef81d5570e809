import base64
import json

from odoo import api, fields, models
from odoo.exceptions import UserError

FORMAT = "crm_value_addon configuration"
VERSION = 1
#: what is carried over, in the order in which it is read; each with the fields that tell two records apart
KINDS = {
    "crm.value.tier": ["name", "scheme"],
    "crm.value.tier.criterion": ["tier_id", "metric"],
    "crm.value.benefit": [
        "tier_id", "benefit_type", "occasion", "pricelist_id", "payment_term_id", "program_id", "user_id", "date_from"],
    "crm.value.rfm.segment": ["name"],
    "crm.value.feedback.kind": ["name", "source"],
    "crm.value.followup.rule": ["name", "trigger"],
    "crm.value.target": ["metric", "team_id", "tier_id"],
}
#: records of Odoo's own are found by their XML id, else by this field
NAMES = {"res.users": "login"}


class CrmValueConfiguration(models.TransientModel):
    """The configuration of a company as a file: from a test database to the live one.

    How it works: `_export` writes settings and rules as JSON; records elsewhere (pricelists, programs, templates) are
    named, not copied. `_import` writes what differs with the rights of the user. The preview is an import that is
    rolled back, so it shows what the import will do, and its refusals.
    """

    _name = "crm.value.configuration"
    _description = "Customer Value Configuration"

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company, readonly=True)
    export_file = fields.Binary(readonly=True, attachment=False)
    export_name = fields.Char(readonly=True)
    import_file = fields.Binary(string="Configuration File", attachment=False)
    import_name = fields.Char()
    preview = fields.Text(readonly=True)

    @api.onchange("import_file")
    def _onchange_import_file(self):
        """What was shown is of another file."""
        self.preview = False

    def action_export(self):
        """Write the configuration of the company into a file to download.

        :raise AccessError: the user may not export it
        """
        self._check_may()
        content = json.dumps(self._export(), indent=1, ensure_ascii=False, sort_keys=True)
        self.write({
            "export_file": base64.b64encode(content.encode()),
            "export_name": f"customer_value_{fields.Date.to_string(self.company_id._value_today())}.json",
        })
        return self._reopen()

    def action_check(self):
        """Show what an import of the file would change.

        :raise AccessError: the user may not import
        :raise UserError: the file cannot be imported, and why
        """
        self._check_may()
        data = self._read_file()
        savepoint = self.env.cr.savepoint()
        try:
            report = self._import(data)
        finally:
            self.env.invalidate_all(flush=False)
            savepoint.close(rollback=True)
            self.env.registry.clear_all_caches()
        self.preview = self._describe(report)
        return self._reopen()

    def action_import(self):
        """Import the file: all of it, or nothing.

        :raise AccessError: the user may not import
        :raise UserError: the file cannot be imported, and why
        """
        self._check_may()
        with self.env.cr.savepoint():
            report = self._import(self._read_file())
        return {
            "type": "ir.actions.client", "tag": "display_notification",
            "params": {"type": "success", "message": self.env._(
                "%(count)s changes were imported.", count=sum(bool(details) for *_of, details in report)),
                "next": {"type": "ir.actions.act_window_close"}},
        }

    def _check_may(self):
        """Refuse everybody but sales managers.

        :raise AccessError: the user is none, or does not work in this company
        """
        self.ensure_one()
        self.check_access("write")
        self.env["crm.value.tier"].check_access("create")
        self.company_id.check_access("read")

    def _read_file(self):
        """Return the content of the file, checked as far as one can without the database.

        :raise UserError: it is not a configuration that this version reads
        """
        if not self.import_file:
            raise UserError(self.env._("Choose a file first."))

        def refuse(constant):
            raise ValueError(constant)

        try:
            data = json.loads(base64.b64decode(self.import_file).decode(), parse_constant=refuse)
        except (ValueError, RecursionError) as error:
            raise UserError(self.env._("This is no configuration file: it is not JSON.")) from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise UserError(self.env._("This is no configuration file of the customer values."))
        if data.get("version") != VERSION:
            raise UserError(self.env._(
                "This file is of version %(found)s; this app reads version %(known)s. Update the app, or export "
                "it again.",
                found=data.get("version"), known=VERSION))
        records = data.get("records", [])
        if not isinstance(data.get("settings"), dict) or not isinstance(records, list) or not all(
                isinstance(record, dict) and record.get("model") in KINDS and isinstance(record.get("values"), dict)
                for record in records):
            raise UserError(self.env._("This configuration file is damaged: a part of it is missing."))
        return data

    def _describe(self, report):
        """Return the result of an import in words, a line a record that changes."""
        lines = [f"{label}: {name}: {details}" if name else f"{label}: {details}"
                 for label, name, details in report if details]
        same = sum(not details for *_of, details in report)
        if not lines:
            return self.env._("Nothing changes: everything is as in the file.")
        return "\n".join([*lines, self.env._("%(count)s stay as they are.", count=same)])

    def _reopen(self):
        return {"type": "ir.actions.act_window", "res_model": self._name, "res_id": self.id, "views": [(False, "form")],
                "target": "new", "name": self.env._("Export and Import")}

    def _carried_fields(self, model):
        """Return the fields of a model that a person decides on: stored, writable, and no lists of other records."""
        return [
            name for name, field in model._fields.items()
            if field.store and not field.readonly and not field.related and field.type not in ("one2many", "many2many")
            and name not in models.MAGIC_COLUMNS and name != "company_id"
            and not name.startswith(("message_", "activity_", "website_message_"))]

    def _carried_settings(self):
        """Return the names of the settings: the stored fields of a company that this app adds."""
        company = self.env["res.company"]
        return [name for name in self._carried_fields(company)
                if name.startswith("value_") and "crm_value_addon" in company._fields[name]._modules]

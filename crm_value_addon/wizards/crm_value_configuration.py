import base64
import json

from odoo import api, fields, models
from odoo.exceptions import UserError

from .configuration_file import FORMAT, VERSION, is_complete


class CrmValueConfiguration(models.TransientModel):
    """The configuration of a company as a file: from a test database to the live one.

    How it works: the wizard reads and writes the file and shows the result; the services
    `crm.value.configuration.export` and `crm.value.configuration.import` make and apply its data. The preview is an
    import that is rolled back, so that it shows exactly the changes and the problems of the import.
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
        """Drop the preview of another file."""
        self.preview = False

    def action_export(self):
        """Write the configuration of the company into a file to download.

        :raise AccessError: the user may not export it
        """
        self._check_manager()
        data = self.env["crm.value.configuration.export"]._export(self.company_id)
        content = json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True)
        self.write(
            {
                "export_file": base64.b64encode(content.encode()),
                "export_name": f"customer_value_{fields.Date.to_string(self.company_id._value_today())}.json",
            }
        )
        return self._reopen()

    def action_check(self):
        """Show what an import of the file would change.

        :raise AccessError: the user may not import
        :raise UserError: the file cannot be imported, and why
        """
        self._check_manager()
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
        self._check_manager()
        with self.env.cr.savepoint():
            report = self._import(self._read_file())
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "%(count)s changes were imported.", count=sum(bool(details) for *_of, details in report)
                ),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def _check_manager(self):
        """Refuse everybody but sales managers.

        :raise AccessError: the user is no sales manager, or does not work in this company
        """
        self.ensure_one()
        self.check_access("write")
        self.env["crm.value.tier"].check_access("create")
        self.company_id.check_access("read")

    def _import(self, data):
        return self.env["crm.value.configuration.import"]._import(self.company_id, data)

    def _read_file(self):
        """Return the data of the file, checked as far as possible without the database.

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
            raise UserError(
                self.env._(
                    "This file is of version %(found)s; this app reads version %(known)s. Update the app, or export "
                    "it again.",
                    found=data.get("version"),
                    known=VERSION,
                )
            )
        if not is_complete(data):
            raise UserError(self.env._("This configuration file is damaged: a part of it is missing."))
        return data

    def _describe(self, report):
        """Return the report of an import in words, a line per record that changes."""
        lines = [
            f"{label}: {name}: {details}" if name else f"{label}: {details}"
            for label, name, details in report
            if details
        ]
        same = sum(not details for *_of, details in report)
        if not lines:
            return self.env._("Nothing changes: everything is as in the file.")
        return "\n".join([*lines, self.env._("%(count)s stay as they are.", count=same)])

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
            "name": self.env._("Export and Import"),
        }

import json

from odoo.http import Controller, content_disposition, request, route
from odoo.tools.osutil import clean_filename


class PrivacyExport(Controller):
    @route(
        "/crm_value_addon/subject/<model('res.partner'):partner>",
        type="http",
        auth="user",
        methods=["GET"],
        readonly=True,
    )
    def privacy_export(self, partner):
        """Download what the addon holds about a customer (see `res.partner.action_export_value_data`)."""
        request.env["crm.value.privacy"]._check_manager(partner, "read")
        Privacy = request.env["crm.value.privacy"].with_context(allowed_company_ids=self._chosen_company_ids())
        data = Privacy._privacy_export(partner.with_env(Privacy.env))
        name = clean_filename(f"{data['customer']}.json")
        return request.make_response(
            json.dumps(data, ensure_ascii=False, indent=2, default=str),
            [
                ("Content-Type", "application/json; charset=utf-8"),
                ("Content-Disposition", content_disposition(name)),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
            ],
        )

    def _chosen_company_ids(self):
        """Return the user's companies that the browser shows, all of them when it shows none."""
        allowed = request.env.user.company_ids.ids
        chosen = [int(number) for number in request.cookies.get("cids", "").split("-") if number.isdecimal()]
        return [number for number in chosen if number in allowed] or allowed

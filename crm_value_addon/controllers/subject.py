import json

from odoo.http import Controller, content_disposition, request, route
from odoo.tools.osutil import clean_filename


class SubjectData(Controller):
    @route("/crm_value_addon/subject/<model('res.partner'):partner>", type="http", auth="user", methods=["GET"],
           readonly=True)
    def subject(self, partner):
        """Download what the addon holds about a customer (see `res.partner.action_export_value_data`)."""
        partner._check_privacy_manager("read")
        cids = request.cookies.get("cids", "")
        chosen = [int(number) for number in cids.split("-") if number.isdecimal()]
        allowed = [number for number in chosen if number in request.env.user.company_ids.ids] \
            or request.env.user.company_ids.ids
        data = partner.with_context(allowed_company_ids=allowed)._value_subject_data()
        name = clean_filename(f"{data['customer']}.json")
        return request.make_response(json.dumps(data, ensure_ascii=False, indent=2, default=str), [
            ("Content-Type", "application/json; charset=utf-8"), ("Content-Disposition", content_disposition(name)),
            ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store")])

from odoo.addons.portal.controllers.portal import CustomerPortal
from odoo.http import request, route


class LoyaltyPortal(CustomerPortal):
    """The customer's own tier. The pages get plain data (see `crm.value.portal`), no records."""

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if not counters:
            values["loyalty_entry"] = request.env["crm.value.portal"]._prepare_portal_entry(
                request.env.user.partner_id, request.env.company
            )
        return values

    @route("/my/loyalty", type="http", auth="user", website=True, methods=["GET"], sitemap=False, readonly=True)
    def portal_my_loyalty(self, **_kwargs):
        page = request.env["crm.value.portal"]._prepare_portal_page(request.env.user.partner_id, request.env.company)
        if page is None:
            return request.redirect("/my")
        return request.render(
            "crm_value_addon.portal_my_loyalty",
            {**self._prepare_portal_layout_values(), "page_name": "loyalty", "loyalty": page},
        )

from odoo.addons.portal.controllers.portal import CustomerPortal
from odoo.exceptions import UserError
from odoo.http import Controller, content_disposition, request, route


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
    def portal_my_loyalty(self, saved="", **_kwargs):
        return self._render_loyalty(is_saved=saved == "1")

    def _render_loyalty(self, error=False, is_saved=False):
        page = request.env["crm.value.portal"]._prepare_portal_page(request.env.user.partner_id, request.env.company)
        if page is None:
            return request.redirect("/my")
        return request.render(
            "crm_value_addon.portal_my_loyalty",
            {
                **self._prepare_portal_layout_values(),
                "page_name": "loyalty",
                "loyalty": page,
                "error": error,
                "is_saved": is_saved,
            },
        )

    @route("/my/loyalty/birthday", type="http", auth="user", website=True, methods=["POST"], sitemap=False)
    def portal_set_birthday(self, birthday="", **_kwargs):
        return self._change(lambda membership, *whose: membership._set_birthday(*whose, birthday))

    @route("/my/loyalty/wishes", type="http", auth="user", website=True, methods=["POST"], sitemap=False)
    def portal_set_wishes(self, channel="", language="", **_kwargs):
        chosen = request.httprequest.form.getlist("interest")
        interest_ids = [int(one) for one in chosen if one.isascii() and one.isdecimal() and len(one) < 10]
        return self._change(lambda membership, *whose: membership._set_wishes(*whose, channel, language, interest_ids))

    @route("/my/loyalty/scoring", type="http", auth="user", website=True, methods=["POST"], sitemap=False)
    def portal_set_scoring(self, wanted="", **_kwargs):
        return self._change(lambda membership, partner, _company: membership._set_scoring(partner, wanted == "1"))

    def _change(self, change):
        """Let a person change something of its own, and show the page: with what was wrong, if anything was."""
        company = request.env.company
        if not company.sudo().value_portal:  # sudo: a setting that decides whether there is a page
            return request.redirect("/my")
        try:
            change(request.env["crm.value.membership"], request.env.user.partner_id, company)
        except UserError as error:
            return self._render_loyalty(str(error))
        return request.redirect("/my/loyalty?saved=1")

    @route("/my/loyalty/card", type="http", auth="user", website=True, methods=["GET"], sitemap=False)
    def portal_my_card(self, download=False, **_kwargs):
        partner = request.env.user.partner_id
        card = request.env["crm.value.membership"]._prepare_card(partner, request.env.company)
        if card is None:
            return request.redirect("/my/loyalty")
        if not download:
            return request.render(
                "crm_value_addon.portal_my_card",
                {**self._prepare_portal_layout_values(), "page_name": "loyalty", "card": card},
            )
        # sudo: customers have no rights on reports; the data is that of the page
        report = request.env["ir.actions.report"].sudo()
        content, kind = report._render_qweb_pdf("crm_value_addon.report_membership_card", partner.ids, {"card": card})
        name = request.env._("Membership Card")
        return request.make_response(
            content,
            [
                ("Content-Type", "application/pdf" if kind == "pdf" else "text/html"),
                ("Content-Disposition", content_disposition(f"{name}.{kind}")),
                ("Cache-Control", "no-store"),
            ],
        )


class ReferralLink(Controller):
    @route("/loyalty/r", type="http", auth="public", website=True, methods=["GET"], sitemap=False)
    def enter(self, code="", **_kwargs):
        """Let a visitor enter the code that a customer told, instead of following the link."""
        link = request.env["crm.value.referral.link"]
        # sudo: a setting that decides whether there is a page
        if not request.env.company.sudo().value_referral_program_id or code and link._remember(code):
            return request.redirect(link._landing_page())
        return request.render("crm_value_addon.referral_code", {"code": code})

    @route("/loyalty/r/<string:token>", type="http", auth="public", website=True, methods=["GET"], sitemap=False)
    def follow(self, token, **_kwargs):
        """Remember who recommended the company, and show its front page, whatever the token is."""
        link = request.env["crm.value.referral.link"]
        link._remember(token)
        return request.redirect(link._landing_page())

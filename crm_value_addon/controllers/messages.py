from werkzeug.exceptions import NotFound

from odoo.http import Controller, request, route


class MessagesPage(Controller):
    """The messages that a customer wants, by the signed link of a mail, or signed in.

    Reading changes nothing, because programs that check mails follow links.
    """

    @route(
        [
            "/loyalty/messages/<int:partner_id>/<string:token>",
            "/loyalty/messages/<int:partner_id>/<string:token>/<int:kind_id>",
        ],
        type="http",
        auth="public",
        website=True,
        methods=["GET", "POST"],
        sitemap=False,
        csrf=False,  # the signature of the link says who asks, and mail programs post without a session
    )
    def loyalty_messages(self, partner_id, token, kind_id=None, **form):
        page = request.env["crm.value.message.page"]
        partner = page._contact(partner_id, token)
        if not partner:
            raise NotFound
        is_saved = request.httprequest.method == "POST"
        if is_saved and "List-Unsubscribe" in form:
            page._refuse(partner, kind_id)
            return request.make_response("", [("Content-Type", "text/plain")])
        if is_saved:
            page._save(partner, self._wanted(form))
        return self._render(partner, request.httprequest.path, None if is_saved else kind_id, is_saved)

    @route("/my/loyalty/messages", type="http", auth="user", website=True, methods=["GET", "POST"], sitemap=False)
    def my_messages(self, **form):
        partner = request.env.user.partner_id
        is_saved = request.httprequest.method == "POST"
        if is_saved:
            request.env["crm.value.message.page"]._save(partner, self._wanted(form))
        return self._render(partner, "/my/loyalty/messages", None, is_saved)

    def _wanted(self, form):
        """Return the ids of the kinds that are ticked in a form."""
        names = [name.removeprefix("kind_") for name in form if name.startswith("kind_")]
        return {int(name) for name in names if name.isdigit()}

    def _render(self, partner, action, kind_id, is_saved):
        page = request.env["crm.value.message.page"].with_context(lang=partner.lang or request.env.lang)
        return request.render(
            "crm_value_addon.portal_messages",
            {"messages": page._prepare_page(partner, kind_id), "action": action, "is_saved": is_saved},
        )

from odoo.tests import HttpCase, no_retry, tagged

#: Debian's package of Odoo lacks this file of the video chat, and the browser's bundle fails without it
_MISSING = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"


def suite_id(path):
    """Return the id that Hoot gives a suite: a 32-bit hash of its path."""
    number = 0
    for character in path:
        number = ((number << 5) - number + ord(character)) & 0xFFFFFFFF
    return f"{number:08x}"


@tagged("post_install", "-at_install")
class TestJavaScript(HttpCase):
    """The unit tests under static/tests, in a browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.asset"].create(
            {"name": "not packaged", "bundle": "web.assets_backend", "directive": "remove", "path": _MISSING}
        )

    @no_retry
    def test_unit(self):
        self.browser_js(
            f"/web/tests?headless&loglevel=2&preset=desktop&timeout=15000&id={suite_id('@crm_value_addon')}",
            "",
            "",
            login="admin",
            timeout=600,
            success_signal="[HOOT] Test suite succeeded",
            error_checker=lambda message: "[HOOT]" not in message,
        )

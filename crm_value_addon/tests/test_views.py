from pathlib import Path

from odoo.tests import TransactionCase, tagged
from odoo.tools.translate import TranslationImporter

_ADDON = Path(__file__).parents[1]


@tagged("post_install", "-at_install")
class TestViews(TransactionCase):
    """Odoo's own checks of views, in every language there is a translation for, and in one written from the right."""

    def check(self, code):
        lang = self.env["res.lang"]._activate_lang(code) or self.env["res.lang"]._lang_get(code)
        path = _ADDON / "i18n" / f"{code}.po"
        if path.exists():
            importer = TranslationImporter(self.env.cr)
            importer.load_file(str(path), code)
            importer.save(overwrite=True)
            self.env.invalidate_all()
        self.assertTrue(lang)
        ids = (
            self.env["ir.model.data"]
            .search([("module", "=", "crm_value_addon"), ("model", "=", "ir.ui.view")])
            .mapped("res_id")
        )
        views = self.env["ir.ui.view"].with_context(lang=code).browse(ids).exists()
        self.assertGreater(len(views), 80)
        views._check_xml()
        return views

    def test_english(self):
        self.check("en_US")

    def test_every_translation(self):
        codes = [path.stem for path in (_ADDON / "i18n").glob("*.po")]
        self.assertTrue(codes)
        for code in codes:
            views = self.check(code)
            strings = views.with_context(lang="en_US").mapped("arch_db")
            self.assertNotEqual(strings, views.mapped("arch_db"), f"{code}.po translates no view")

    def test_from_the_right(self):
        self.check("ar_001")

    def test_what_the_search_bar_offers_to_group_by(self):
        fields = self.env["crm.value"].fields_get(attributes=["groupable"])
        offered = {name for name, field in fields.items() if field.get("groupable")}
        self.assertFalse(offered & {"tier_color", "tier_icon", "purchase_quarters", "caution_codes", "fit_id"})
        self.assertLessEqual({"tier_id", "lifecycle_stage", "country_id", "first_purchase_date"}, offered)

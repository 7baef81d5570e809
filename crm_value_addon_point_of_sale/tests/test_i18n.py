from odoo.addons.crm_value_addon.tests import common_i18n


class TestTranslations(common_i18n.TranslationCase):
    module = "crm_value_addon_point_of_sale"

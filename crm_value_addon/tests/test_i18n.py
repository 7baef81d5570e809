from . import common_i18n


class TestTranslations(common_i18n.TranslationCase):
    module = "crm_value_addon"

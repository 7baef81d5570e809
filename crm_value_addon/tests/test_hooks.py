from .common_hooks import HooksCase


class TestHooks(HooksCase):
    def test_the_table_of_the_addon_is_true(self):
        self.assert_table_is_true("crm_value_addon")

from freezegun import freeze_time
from lxml import etree

from ..common import TODAY
from .common import ListeningCase

#: what listening added to the screens
_ADDED = {
    "cost_to_serve_12m",
    "profit_12m",
    "profit_rate_12m",
    "open_complaint_count",
    "last_contact_date",
    "last_contact_channel",
    "contact_count_12m",
    "contact_rhythm",
    "completeness",
    "satisfaction_count",
    "salesperson_change_count",
    "relationship_since",
    "contact_role",
    "value_open_complaint_count",
    "value_last_contact",
}
_MOST = 3


@freeze_time(TODAY)
class TestQueries(ListeningCase):
    """No screen needs more than three queries more for what listening shows on it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account = cls.buyer("Account", is_company=True, relationship_strategy="zipper", user_id=cls.ann.id)
        cls.told(cls.account)
        cls.refresh()
        cls.order = cls.env["sale.order"].create({"partner_id": cls.account.id, "company_id": cls.company.id})
        cls.env.flush_all()

    def queries(self, record, names):
        """Return how many queries it takes to read fields of a record that nothing is known of yet."""
        record.web_read({name: {} for name in names})
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        record.web_read({name: {} for name in names})
        return self.cr.sql_log_count - before

    def test_forms_and_lists(self):
        shown = set()
        for record, kind in (
            (self.value(self.account), "form"),
            (self.value(self.account), "list"),
            (self.account, "form"),
            (self.account, "kanban"),
            (self.order, "form"),
        ):
            arch = etree.fromstring(record.get_view(view_type=kind)["arch"])
            # fields of lists within the form belong to other models
            names = {
                field.get("name")
                for field in arch.iter("field")
                if not any(parent.tag == "field" for parent in field.iterancestors())
            } & set(record._fields)
            added = names & _ADDED
            shown |= added
            with self.subTest(model=record._name, kind=kind):
                self.assertLessEqual(self.queries(record, names) - self.queries(record, names - added), _MOST)
        self.assertGreaterEqual(len(shown), 6)

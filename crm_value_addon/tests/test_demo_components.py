from freezegun import freeze_time

from ..demo import components
from ..demo.generator import Generator
from ..demo.profiles import PROFILES
from .common import TODAY, ValueCase

_NAMES = {
    "Alder & Quill Bookshops",
    "Corner Lantern Cafés",
    "Juniper & Salt",
    "Bergmann Hotels",
    "Pop-up Kitchen 27",
    "Meridian Hotels Group",
}


@freeze_time(TODAY)
class TestDemoComponents(ValueCase):
    def test_each_component_matters_somewhere(self):
        self.env.ref("base.user_admin").company_ids += self.company
        profiles = [profile for profile in PROFILES if profile.name in _NAMES]
        generator = Generator(self.env, self.company, profiles=profiles)
        generator.run()
        components.load(self.env, self.company)
        value = {profile.name: self.value(partner) for profile, partner in generator.customers.items()}
        self.assertGreater(value["Corner Lantern Cafés"].referral_value, 0)
        self.assertGreater(value["Alder & Quill Bookshops"].knowledge_value, 0)
        self.assertTrue(
            generator.customers[
                next(profile for profile in profiles if profile.name == "Bergmann Hotels")
            ].opportunity_ids.date_deadline
        )
        costly = value["Pop-up Kitchen 27"]
        # everything came back (-0); 3 calls of 20 minutes at 48 an hour = 48; won for 180; a credit note for 35
        self.assertEqual(costly.cost_to_serve, 48 + 180 + 35)
        self.assertEqual(costly.realised_value, costly.margin_total - 263)
        self.assertLess(costly.realised_value, 0)
        count = self.env["crm.value.feedback"].search_count([])
        components.load(self.env, self.company)
        self.assertEqual(self.env["crm.value.feedback"].search_count([]), count)

import re
from pathlib import Path

from PIL import Image

from odoo.modules import Manifest, get_module_path
from odoo.tests import TransactionCase, tagged

_LARGEST = 250_000


@tagged("post_install", "-at_install")
class TestDescription(TransactionCase):
    """The page in the app store: its pictures are there, and none is heavy."""

    def setUp(self):
        super().setUp()
        self.module = Path(get_module_path("crm_value_addon"))
        self.folder = self.module / "static" / "description"

    def test_all_pictures_of_the_page_and_of_the_readme_are_there(self):
        page = (self.folder / "index.html").read_text()
        pictures = re.findall(r'src="([^"]+)"', page)
        self.assertGreater(len(pictures), 5)
        for picture in pictures:
            self.assertTrue((self.folder / picture).is_file(), picture)
        described = re.findall(r'<img[^>]*\balt="', page)
        self.assertEqual(len(described), page.count("<img"), "each picture says what it shows")
        for forbidden in ("<script", "<link", "<style", "http://", "https://", "onclick"):
            self.assertNotIn(forbidden, page)

    def test_no_picture_is_heavy(self):
        for picture in self.folder.glob("*.png"):
            self.assertLess(picture.stat().st_size, _LARGEST, picture.name)

    def test_icon_and_banner_have_the_sizes_that_the_store_expects(self):
        self.assertEqual(Image.open(self.folder / "icon.png").size, (128, 128))
        [banner] = Manifest.for_addon("crm_value_addon")["images"]
        self.assertEqual(Image.open(self.module / banner).size, (560, 280))

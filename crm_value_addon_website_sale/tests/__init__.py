from . import test_cart_progress
from . import test_free_delivery
from . import test_i18n
from . import test_ratings
from . import test_sale_stock_tier
from . import test_session_pricelist
from . import test_website_sale_tier

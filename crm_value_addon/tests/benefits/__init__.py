from . import test_crm_value_benefit
from . import test_crm_value_caution
from . import test_crm_value_gift
from . import test_crm_value_tier_cost
from . import test_sale_order_loyalty
from . import test_sale_order_tier
from . import test_sale_stock_tier

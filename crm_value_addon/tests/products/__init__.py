from . import test_assortment
from . import test_crm_value_product
from . import test_product_followups
from . import test_recommender

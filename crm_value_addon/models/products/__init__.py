from . import crm_value_dismissal
from . import crm_value_product
from . import crm_value_product_assortment
from . import crm_value_product_offer
from . import crm_value_product_refresh
from . import crm_value_recommender
from . import crm_value_recommender_fit
from . import crm_value_suggestion

from . import crm_value_purchase
from . import crm_value_purchase_merge

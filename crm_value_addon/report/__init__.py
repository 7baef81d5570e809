from . import crm_value_purchase

from . import crm_value_interest

from . import crm_value_sum

from . import test_crm_value_sum

from . import test_crm_value_first_hour
from . import test_crm_value_sample

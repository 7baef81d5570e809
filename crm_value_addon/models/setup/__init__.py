from . import crm_value_first_hour
from . import crm_value_sample

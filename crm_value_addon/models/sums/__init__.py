from . import crm_value_magnitude
from . import crm_value_sum

from . import crm_value_opening
from . import crm_value_opening_standing

from . import crm_value_opt_out
from . import crm_value_privacy

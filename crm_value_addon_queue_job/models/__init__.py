from . import crm_value
from . import crm_value_scheduler

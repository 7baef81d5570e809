from . import crm_value_explanation
from . import crm_value_snapshot
from . import crm_value_target

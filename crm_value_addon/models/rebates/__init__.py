from . import crm_value_rebate
from . import crm_value_rebate_step
from . import crm_value_rebate_settlement

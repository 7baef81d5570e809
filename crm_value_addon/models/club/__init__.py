from . import crm_value_draw
from . import crm_value_earning
from . import crm_value_earning_card
from . import crm_value_earning_due
from . import crm_value_interest

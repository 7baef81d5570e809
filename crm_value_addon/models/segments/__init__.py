from . import crm_value_rfm_segment
from . import crm_value_rfm
from . import crm_value_lifecycle
from . import crm_value_sales_channel

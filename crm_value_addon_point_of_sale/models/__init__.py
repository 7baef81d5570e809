from . import crm_value_till_order
from . import crm_value_document
from . import crm_value_observation
from . import crm_value_purchase
from . import crm_value_refresh
from . import crm_value_run
from . import pos_order
from . import res_partner

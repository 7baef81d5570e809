from . import crm_value_cost_source
from . import crm_value_line_kind
from . import crm_value_purchase
from . import crm_value_purchase_reader
from . import crm_value_followup_source
from . import crm_value_product_reader
from . import crm_value_tier_cost
from . import sale_report

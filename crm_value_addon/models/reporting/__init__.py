from . import crm_value_brief
from . import crm_value_brief_source
from . import crm_value_customer_page
from . import crm_value_explanation
from . import crm_value_reconstruction
from . import crm_value_snapshot
from . import crm_value_target
from . import crm_value_ungrouped

from . import crm_value_tier
from . import crm_value_tier_criterion
from . import crm_value_tier_change
from . import crm_value_tier_lock
from . import crm_value_tier_assignment
from . import crm_value_tier_explanation
from . import crm_value_tier_preview
from . import crm_value_merge

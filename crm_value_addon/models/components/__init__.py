from . import crm_value_component
from . import crm_value_growth
from . import crm_value_referral_value
from . import crm_value_knowledge
from . import crm_value_service_cost

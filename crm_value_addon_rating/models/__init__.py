from . import crm_value_followup_action
from . import crm_value_followup_rule
from . import crm_value_message
from . import crm_value_privacy
from . import rating_rating

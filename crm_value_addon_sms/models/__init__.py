from . import crm_value_demo
from . import crm_value_followup_action
from . import crm_value_followup_rule
from . import crm_value_manners
from . import crm_value_message
from . import sms_sms

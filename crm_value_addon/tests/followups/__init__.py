from . import test_crm_value_followup
from . import test_crm_value_followup_sessions
from . import test_crm_value_followup_trigger

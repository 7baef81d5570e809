from . import test_condition
from . import test_crm_value_followup
from . import test_crm_value_followup_activity
from . import test_crm_value_followup_order
from . import test_crm_value_followup_result
from . import test_crm_value_followup_sessions
from . import test_crm_value_followup_trigger

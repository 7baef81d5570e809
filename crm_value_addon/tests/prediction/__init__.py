from . import test_crm_value_fit
from . import test_crm_value_replay
from . import test_crm_value_leaving
from . import test_crm_value_lead_worth

from . import test_account_manager
from . import test_crm_value_feedback
from . import test_crm_value_goodwill
from . import test_crm_value_contacts
from . import test_crm_value_departure
from . import test_crm_value_completeness
from . import test_queries

from . import test_crm_value_lifecycle
from . import test_crm_value_rfm

from . import test_crm_value_opening
from . import test_crm_value_opening_standing

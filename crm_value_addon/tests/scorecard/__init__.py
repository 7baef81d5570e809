from . import test_crm_value_scorecard
from . import test_crm_value_monday
from . import test_digest

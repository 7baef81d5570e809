from . import test_followup_matrix
from . import test_followup_sms

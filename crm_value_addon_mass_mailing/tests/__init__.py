from . import test_followup_matrix
from . import test_mailing
from . import test_mailing_list

from . import test_followup_matrix
from . import test_followup_message
from . import test_followup_reason
from . import test_message_page

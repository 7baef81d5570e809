from . import test_event_tier
from . import test_followup_event
from . import test_followup_matrix

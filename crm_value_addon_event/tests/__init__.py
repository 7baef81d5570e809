from . import test_followup_event

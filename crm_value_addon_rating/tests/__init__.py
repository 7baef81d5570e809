from . import test_followup_rating

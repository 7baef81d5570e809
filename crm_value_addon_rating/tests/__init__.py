from . import test_followup_matrix
from . import test_followup_rating
from . import test_survey

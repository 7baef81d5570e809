from . import crm_value_scorecard
from . import digest_digest
from . import crm_value_monday

from . import crm_value_scorecard

from . import crm_value_cost_source
from . import crm_value_explanation
from . import crm_value_followup_action
from . import crm_value_followup_rule
from . import mailing_filter
from . import mailing_mailing
from . import mailing_subscription
from . import res_company

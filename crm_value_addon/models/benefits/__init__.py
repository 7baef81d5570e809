from . import crm_value_benefit
from . import crm_value_benefit_state
from . import crm_value_benefit_text
from . import crm_value_caution
from . import crm_value_caution_override
from . import crm_value_gift
from . import crm_value_gift_calendar
from . import crm_value_referral_reward

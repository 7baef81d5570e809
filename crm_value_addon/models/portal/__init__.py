from . import crm_value_mail
from . import crm_value_membership
from . import crm_value_portal
from . import crm_value_portal_cards
from . import crm_value_portal_earning
from . import crm_value_portal_ladder
from . import crm_value_portal_suggestion
from . import crm_value_referral_link

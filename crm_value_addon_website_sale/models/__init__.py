from . import crm_value_portal_cards
from . import crm_value_referral_link
from . import website

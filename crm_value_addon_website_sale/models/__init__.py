from . import crm_value_portal_cards
from . import crm_value_portal_suggestion
from . import crm_value_referral_link
from . import crm_value_sales_channel
from . import sale_order
from . import website

from . import crm_value_mail
from . import crm_value_portal

from . import test_crm_value_club
from . import test_crm_value_mail
from . import test_crm_value_portal

from . import test_crm_value_dashboard
from . import test_crm_value_dashboard_products
from . import test_crm_value_dashboard_states

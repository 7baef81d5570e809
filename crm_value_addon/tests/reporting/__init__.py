from . import test_crm_value_brief
from . import test_crm_value_cohort
from . import test_crm_value_customer_page
from . import test_crm_value_explanation
from . import test_crm_value_reconstruction
from . import test_crm_value_snapshot
from . import test_crm_value_target
from . import test_crm_value_what_if

from . import test_account_move
from . import test_crm_value_document
from . import test_crm_value_fit
from . import test_crm_value_purchase
from . import test_crm_value_refresh
from . import test_crm_value_tiering
from . import test_lib
from . import test_res_partner

from . import account_move
from . import crm_value
from . import crm_value_refresh  # what follows extends its methods
from . import crm_value_demo
from . import crm_value_document
from . import crm_value_estimate
from . import crm_value_fit
from . import crm_value_fit_backtest
from . import crm_value_queue
from . import crm_value_run
from . import res_company
from . import res_config_settings
from . import res_partner
from . import sale_order

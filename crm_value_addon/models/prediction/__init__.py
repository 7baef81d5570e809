from . import crm_value_prediction
from . import crm_value_leaving
from . import crm_value_fit
from . import crm_value_fit_backtest
from . import crm_value_lead_worth
from . import crm_value_fit_season
from . import crm_value_fit_segment
from . import crm_value_fit_text

from . import base_partner_merge
from . import crm_value_backtest
from . import crm_value_configuration
from . import crm_value_configuration_converter
from . import crm_value_configuration_export
from . import crm_value_configuration_import
from . import crm_value_equity
from . import crm_value_replay
from . import crm_value_followup_preview
from . import crm_value_benefit_copy
from . import crm_value_tier_simulation
from . import crm_value_tier_proposal  # extends it
from . import crm_value_tier_simulation_line
from . import crm_value_tier_simulation_cost  # extends both

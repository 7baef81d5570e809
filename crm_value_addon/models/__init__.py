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
from . import crm_value_tier
from . import crm_value_tier_change
from . import crm_value_tier_criterion
from . import crm_value_tier_lock
from . import crm_value_tiering  # the rest asks for the fields that it adds
from . import crm_value_tier_explanation
from . import crm_value_merge  # decides tiers
from . import crm_value_rfm_segment
from . import crm_value_rfm
from . import crm_value_lifecycle
from . import crm_value_followup
from . import crm_value_followup_rule  # what follows extends it
from . import crm_value_followup_due
from . import crm_value_followup_events
from . import crm_value_followup_responsible
from . import crm_value_followup_text
from . import crm_value_followup_run
from . import crm_value_followup_launch
from . import crm_value_followup_result
from . import crm_value_followup_wake
from . import ir_actions_server
from . import mail_activity
from . import product_template
from . import res_company
from . import res_company_lifecycle
from . import res_company_followup
from . import res_config_settings
from . import res_config_settings_lifecycle
from . import res_partner
from . import res_partner_lifecycle
from . import res_partner_relationship
from . import sale_order

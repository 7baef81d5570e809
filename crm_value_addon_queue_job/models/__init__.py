from . import crm_value

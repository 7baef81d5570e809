from . import crm_value_points
from . import crm_value_points_due
from . import crm_value_points_expiry

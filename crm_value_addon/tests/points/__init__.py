from . import test_points
from . import test_points_expiry
from . import test_crm_value_liability

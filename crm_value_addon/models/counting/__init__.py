from . import account_journal
from . import product_category
from . import crm_value_counting
from . import crm_value_qualifying

from . import test_hooks
from . import test_i18n
from . import test_till_counting
from . import test_till_purchases
from . import test_till_queue
from . import test_till_tier
from . import test_till_tours

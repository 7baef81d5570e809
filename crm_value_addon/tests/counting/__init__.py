from . import test_counting
from . import test_fees

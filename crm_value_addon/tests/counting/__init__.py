from . import test_counting
from . import test_fees
from . import test_simulated_counting

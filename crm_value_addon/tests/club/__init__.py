from . import test_abuse
from . import test_draw
from . import test_earning
from . import test_notices
from . import test_profile

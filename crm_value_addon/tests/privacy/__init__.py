from . import test_companies
from . import test_currencies
from . import test_doors
from . import test_injection
from . import test_margin_hidden
from . import test_privacy
from . import test_privacy_lookup
from . import test_rights

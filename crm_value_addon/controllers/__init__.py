from . import messages
from . import portal
from . import privacy

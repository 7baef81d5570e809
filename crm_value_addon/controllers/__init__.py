from . import portal
from . import subject

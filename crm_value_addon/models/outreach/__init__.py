from . import crm_value_contact_style
from . import crm_value_manners
from . import crm_value_message
from . import crm_value_message_kind
from . import crm_value_message_page
from . import crm_value_preference
from . import ir_qweb

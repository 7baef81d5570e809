from . import models


def uninstall_hook(env):
    """Switch off the rules that need this addon, and take the events that are for a tier from the website."""
    env["crm.value.followup.retirement"]._retire("crm_value_addon_event")
    env["event.event"]._value_withdraw()

from . import models


def uninstall_hook(env):
    """Switch off the rules that need this addon: they must do nothing else instead."""
    env["crm.value.followup.retirement"]._retire("crm_value_addon_rating")

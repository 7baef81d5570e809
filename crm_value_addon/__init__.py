from . import controllers
from . import demo
from . import models
from . import report
from . import wizards


def uninstall_hook(env):
    """Archive the programs that were for some tiers only, which would be open to everybody, and delete our triggers."""
    env["crm.value.sum"]._forget_triggers()
    env["loyalty.program"].browse(env["crm.value.benefit"]._gated_programs()).exists().active = False


def post_init_hook(env):
    """Let the crons compute the first values from the history that is there, not the installation."""
    # Of new columns the planner knows nothing, and takes half of all contacts for customers that want no evaluation.
    env.cr.execute("ANALYZE res_partner (value_opt_out, referred_by_id)")
    env["crm.value.document.role"]._link_copies()
    for name in ("ir_cron_fit", "ir_cron_refresh_all"):
        env.ref(f"crm_value_addon.{name}")._trigger()

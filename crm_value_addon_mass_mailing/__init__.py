from . import models


def post_init_hook(env):
    """Make the ready filters of the companies that are there."""
    env["mailing.filter"]._value_make_ready(env["res.company"].search([]))


def uninstall_hook(env):
    """Switch off the rules that need this addon; delete the filters that nothing could search by any more."""
    env["crm.value.followup.retirement"]._retire("crm_value_addon_mass_mailing")
    env["mailing.filter"].search([("mailing_domain", "like", "value_ids")]).unlink()

from . import models


def post_init_hook(env):
    """Make the ready filters of the companies that are there."""
    env["mailing.filter"]._value_make_ready(env["res.company"].search([]))


def uninstall_hook(env):
    """Delete the filters that ask for customer values, which nothing could search by any more."""
    env["mailing.filter"].search([("mailing_domain", "like", "value_ids")]).unlink()

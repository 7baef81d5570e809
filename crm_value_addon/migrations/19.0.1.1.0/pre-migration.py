"""Remove the views that became part of others, before the others are loaded.

How it works: Odoo checks a view together with all views that inherit it. A view that took in the content of its
children would be checked with the children still in the database, so they go first, the deepest before all others.

A view of another module, or of a user, may inherit one of them. Odoo would delete both at the end of the update. Here
that view is left alone: the view that it inherits stays as well, but empty, and inherits the one that took its content.
`end-migration.py` tells which of them are left.
"""

from odoo import SUPERUSER_ID, api

MODULE = "crm_value_addon"
#: each view that is gone -> the view that has its content now
MERGED = {
    "account_move_view_form_refund_warning": "account_move_view_form",
    "crm_lead_view_form_referral": "crm_lead_view_form_value",
    "crm_value_benefit_view_form_customer": "crm_value_benefit_view_form",
    "crm_value_tier_view_form_benefits": "crm_value_tier_view_form",
    "crm_value_tier_view_form_relationship": "crm_value_tier_view_form",
    "crm_value_view_form_benefits": "crm_value_view_form",
    "crm_value_view_form_explanation": "crm_value_view_form",
    "crm_value_view_form_lifecycle": "crm_value_view_form",
    "crm_value_view_form_opt_out": "crm_value_view_form",
    "crm_value_view_form_parts": "crm_value_view_form",
    "crm_value_view_form_tier": "crm_value_view_form",
    "crm_value_view_kanban_lifecycle": "crm_value_view_kanban",
    "crm_value_view_kanban_tier": "crm_value_view_kanban",
    "crm_value_view_list_lifecycle": "crm_value_view_list",
    "crm_value_view_list_parts": "crm_value_view_list",
    "crm_value_view_list_tier": "crm_value_view_list",
    "crm_value_view_pivot_tier": "crm_value_view_pivot",
    "crm_value_view_search_benefits": "crm_value_view_search",
    "crm_value_view_search_lifecycle": "crm_value_view_search",
    "crm_value_view_search_tier": "crm_value_view_search",
    "res_config_settings_view_form_benefits": "res_config_settings_view_form",
    "res_config_settings_view_form_followup": "res_config_settings_view_form",
    "res_config_settings_view_form_lifecycle": "res_config_settings_view_form",
    "res_config_settings_view_form_mail": "res_config_settings_view_form",
    "res_config_settings_view_form_parts": "res_config_settings_view_form",
    "res_config_settings_view_form_portal": "res_config_settings_view_form",
    "res_partner_view_form_lifecycle": "res_partner_view_form",
    "res_partner_view_form_opt_out": "res_partner_view_form",
    "res_partner_view_form_referral": "res_partner_view_form",
    "res_partner_view_form_relationship": "res_partner_view_form",
    "res_partner_view_list_lifecycle": "res_partner_view_list",
    "res_partner_view_search_lifecycle": "res_partner_view_search",
    "res_partner_view_search_opt_out": "res_partner_view_search",
}


def migrate(cr, version):
    """Remove the merged views, and tell the mail templates where their source is now."""
    env = api.Environment(cr, SUPERUSER_ID, {"active_test": False})
    merged = {view: new for name, new in MERGED.items() if (view := _find(env, name))}
    ours = env["ir.ui.view"].union(*merged)
    inherited = (ours.inherit_children_ids - ours).inherit_id  # by views that are not ours to remove
    for view in inherited:
        _empty(view, _find(env, merged[view]) or _ancestor(view, ours))
    _unlink(ours - inherited)
    # "Reset Template" reads that file; an update does not load the templates again, the company may have changed them
    cr.execute(
        "UPDATE mail_template SET template_fs = %s WHERE template_fs = %s",
        [f"{MODULE}/data/mail_template_data.xml", f"{MODULE}/data/crm_value_mail_data.xml"],
    )


def _find(env, name):
    return env.ref(f"{MODULE}.{name}", raise_if_not_found=False)


def _ancestor(view, ours):
    """Return the nearest view above that stays."""
    while view in ours:
        view = view.inherit_id
    return view


def _empty(view, parent):
    """Leave nothing of a view but a link between the views that inherit it and its parent."""
    # in SQL: the models of the addon, which the view would be checked against, are not loaded yet
    view.env.cr.execute(
        """UPDATE ir_ui_view SET arch_db = '{"en_US": "<data/>"}', arch_prev = NULL, arch_fs = NULL,
                           inherit_id = %s WHERE id = %s""",
        [parent.id, view.id],
    )
    # at the end of an update Odoo deletes whatever no file defines any more, unless it is noupdate
    view.env.cr.execute(
        """UPDATE ir_model_data SET noupdate = true
                           WHERE module = %s AND model = 'ir.ui.view' AND res_id = %s""",
        [MODULE, view.id],
    )
    view.env.invalidate_all()


def _unlink(views):
    """Remove views, those that inherit others first."""
    while views:
        leaves = views - views.inherit_children_ids.inherit_id
        views -= leaves
        leaves.unlink()
        views.invalidate_recordset(["inherit_children_ids"])

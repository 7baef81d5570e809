{
    "name": "Customer Value: Mailings",
    "summary": "Mailing lists kept by follow-up rules, filters by tier and stage, mailings measured on invoiced margin",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "license": "LGPL-3",
    "author": "crm_value_addon contributors",
    "depends": ["crm_value_addon", "mass_mailing"],
    "data": ["views/crm_value_followup_rule_views.xml", "views/mailing_mailing_views.xml"],
    "demo": ["demo/crm_value_demo.xml"],
    "auto_install": True,
    "post_init_hook": "post_init_hook",
    "uninstall_hook": "uninstall_hook",
}

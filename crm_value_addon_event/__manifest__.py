{
    "name": "Customer Value: Events",
    "summary": "Events that a tier registers for first, invitations by follow-up rules, attendance as a contact",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "license": "LGPL-3",
    "author": "crm_value_addon contributors",
    "depends": ["crm_value_addon", "event"],
    "data": [
        "data/mail_template_data.xml",
        "data/crm_value_followup_rule_data.xml",
        "views/crm_value_followup_rule_views.xml",
        "views/event_event_views.xml",
    ],
    "demo": ["demo/crm_value_demo.xml"],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}

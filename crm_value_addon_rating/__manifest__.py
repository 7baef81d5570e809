{
    "name": "Customer Value: Ask How It Was",
    "summary": "Follow-up rules that ask customers how it was, and complaints from low answers",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "license": "LGPL-3",
    "author": "crm_value_addon contributors",
    "depends": ["crm_value_addon", "rating"],
    "data": ["data/mail_template_data.xml", "views/crm_value_followup_rule_views.xml"],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}

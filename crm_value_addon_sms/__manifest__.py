{
    "name": "Customer Value: Text Messages",
    "summary": "Follow-up rules that send a text message",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "license": "LGPL-3",
    "author": "crm_value_addon contributors",
    "depends": ["crm_value_addon", "sms"],
    "data": ["data/ir_cron_data.xml", "data/sms_template_data.xml", "views/crm_value_followup_rule_views.xml"],
    "demo": ["demo/crm_value_demo.xml"],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}

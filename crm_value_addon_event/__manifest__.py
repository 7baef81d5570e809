{
    "name": "Customer Value: Invitations to Events",
    "summary": "Follow-up rules that invite customers to an event",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "license": "LGPL-3",
    "author": "crm_value_addon contributors",
    "depends": ["crm_value_addon", "event"],
    "data": ["data/mail_template_data.xml", "views/crm_value_followup_rule_views.xml"],
    "auto_install": True,
}

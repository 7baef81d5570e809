{
    "name": "Customer Value: Goals",
    "summary": "Goals and challenges of Odoo on the figures of scorecards: customers kept, won, won back",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "license": "LGPL-3",
    "author": "crm_value_addon contributors",
    "depends": ["crm_value_addon", "gamification"],
    "data": ["data/gamification_data.xml", "views/gamification_views.xml"],
    "auto_install": True,
}

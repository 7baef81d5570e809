{
    "name": "Customer Value and Loyalty at the Till",
    "summary": "Purchases at the till count for a customer's value, and its tier holds there",
    "version": "19.0.1.0.0",
    "category": "Sales/Point of Sale",
    "license": "LGPL-3",
    "author": "crm_value_addon contributors",
    "depends": ["crm_value_addon", "pos_loyalty"],
    "data": [
        "security/ir.model.access.csv",
        "security/crm_value_till_security.xml",
        "views/crm_value_run_views.xml",
        "views/crm_value_purchase_views.xml",
        "views/pos_order_views.xml",
        "views/res_config_settings_views.xml",
    ],
    "assets": {
        "point_of_sale._assets_pos": ["crm_value_addon_point_of_sale/static/src/**/*"],
        "web.assets_tests": ["crm_value_addon_point_of_sale/static/tests/tours/**/*"],
    },
    "auto_install": True,
    "post_init_hook": "post_init_hook",
}

{
    "name": "Customer Value and Loyalty in the Web Shop",
    "summary": "How far the cart is from the customer's next tier; prices follow the tier",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "license": "LGPL-3",
    "author": "crm_value_addon contributors",
    "depends": ["crm_value_addon", "website_sale_loyalty"],
    "data": ["views/website_sale_templates.xml"],
    "auto_install": True,
}

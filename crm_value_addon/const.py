"""Groups that fields and checks name."""

SELLER_GROUP = "sales_team.group_sale_salesman"
MANAGER_GROUP = "sales_team.group_sale_manager"
#: who may see margins, lifetime values and everything derived from them
MARGIN_GROUP = "crm_value_addon.group_value_margin"

"""Groups that fields and checks name, which documents count, and how late a dated action may be."""

SELLER_GROUP = "sales_team.group_sale_salesman"
MANAGER_GROUP = "sales_team.group_sale_manager"
#: who may see margins, lifetime values and everything derived from them
MARGIN_GROUP = "crm_value_addon.group_value_margin"

#: what a customer is sold with: Odoo's customer documents
CUSTOMER_DOCUMENTS = ("out_invoice", "out_refund", "out_receipt")
#: the domain of those that count; in SQL: `crm.value.purchase._where_document`
POSTED_DOCUMENTS = [("state", "=", "posted"), ("move_type", "in", CUSTOMER_DOCUMENTS)]

#: days a dated gift, mail or follow-up may be late: covers weekends, outages and users at their daily cap
CATCH_UP_DAYS = 7
#: through what customers buy, in the order of their codes (from 1); what no addon claims is by invoice
SALES_CHANNELS = [("invoice", "Invoice"), ("shop", "Web Shop"), ("till", "Till")]

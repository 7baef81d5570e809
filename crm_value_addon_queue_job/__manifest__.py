{
    "name": "Customer Value: Refreshes as Queued Jobs",
    "summary": "Each company's refresh is a job of OCA's queue_job, run by as many workers as its channel allows",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "license": "LGPL-3",
    "author": "crm_value_addon contributors",
    "depends": ["crm_value_addon", "queue_job"],
    "data": ["data/queue_job_data.xml"],
    "auto_install": True,
}

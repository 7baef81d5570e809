"""What customers said, when somebody last spoke with them, and why some of them left."""

from datetime import timedelta

#: customer, cause, days ago, what was said, what was promised, what was done (empty: still open)
_COMPLAINTS = [
    ("Alder & Quill Bookshops", "delivery", 4, "Two boxes short, again", "The rest by Friday", ""),
    ("Meridian Hotels Group", "product", 9, "The grinders run hot", "A technician this week", ""),
    ("Prairie Dental", "invoice", 40, "Discount missing on the invoice", "", "Credited the difference"),
    ("Bloom Street Coworking", "service", 75, "Nobody called back", "", "Named a contact of their own"),
]
#: reason, competitor, days ago
_DEPARTURES = [
    ("price", "Bean & Co.", 20),
    ("competitor", "Bean & Co.", 110),
    ("people", "", 130),
    ("finance", "", 200),
]
#: customer, stage of the relationship
_KEY_ACCOUNTS = [
    ("Meridian Hotels Group", "strategic"),
    ("Alder & Quill Bookshops", "established"),
    ("Golden Gate Caterers", "early"),
    ("Bergmann Hotels", "exploring"),
]


def load(env, company):
    """Let customers speak up and leave; a second call does nothing."""
    told = [("company_id", "=", company.id), ("reason_id", "!=", False)]
    if env["crm.value.departure"].search_count(told, limit=1):
        return
    today = company._value_today()
    values = env["crm.value"].search([("company_id", "=", company.id)])
    customers = {value.partner_id.name: value.partner_id for value in values}
    _complain(env, company, customers, today)
    lost = values.filtered(lambda value: value.lifecycle_stage == "lost").sorted("revenue_total", reverse=True)
    for value, (reason, competitor, days) in zip(lost, _DEPARTURES, strict=False):
        env["crm.value.departure"].create(
            {
                "partner_id": value.partner_id.id,
                "company_id": company.id,
                "date": today - timedelta(days=days),
                "reason_id": env.ref(f"crm_value_addon.leaving_reason_{reason}").id,
                "competitor": competitor,
            }
        )
    for name, stage in _KEY_ACCOUNTS:
        if name in customers:
            customers[name].relationship_stage = stage
            customers[name].child_ids[:1].contact_role = "decides"
    for tier, strategy in (("silver", "clasp"), ("gold", "velcro"), ("platinum", "zipper")):
        env.ref(f"crm_value_addon.tier_{tier}").relationship_strategy = strategy
    _speak(env, customers, today)
    env["crm.value.refresh"].with_company(company)._refresh_company()
    # scorecards compare with a year earlier
    env["crm.value.reconstruction"].with_company(company)._reconstruct()


def _complain(env, company, customers, today):
    kind = env.ref("crm_value_addon.feedback_kind_complaint")
    for name, cause, days, said, promised, solution in _COMPLAINTS:
        if name not in customers:
            continue
        complaint = env["crm.value.feedback"].create(
            {
                "partner_id": customers[name].id,
                "company_id": company.id,
                "kind_id": kind.id,
                "cause_id": env.ref(f"crm_value_addon.feedback_cause_{cause}").id,
                "date": today - timedelta(days=days),
                "description": said,
                "promised": promised,
                "user_id": (customers[name].user_id or env.ref("base.user_admin")).id,
                "solution": solution,
            }
        )
        if solution:
            complaint.state = "done"
            complaint.closed_date = complaint.date + timedelta(days=3)


def _speak(env, customers, today):
    """Note some calls, the latest first."""
    note = env.ref("mail.mt_note")
    call = env.ref("mail.mail_activity_data_call")
    env["mail.message"].create(
        [
            {
                "model": "res.partner",
                "res_id": partner.id,
                "message_type": "comment",
                "subtype_id": note.id,
                "mail_activity_type_id": call.id if place % 2 else False,
                "date": today - timedelta(days=7 * place + 2),
                "body": "Spoke about the next order",
                "author_id": env.ref("base.partner_admin").id,
            }
            for place, partner in enumerate(list(customers.values())[:20])
        ]
    )

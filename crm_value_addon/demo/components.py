"""What customers are worth beyond their purchases: a demonstration customer for each component of the value."""

from datetime import timedelta

#: settings of the components
_SETTINGS = {
    "value_referral_share": 0.1,
    "value_knowledge_cap": 600,
    "value_cost_acquisition": "lead",
    "value_cost_won_lead": 180,
    "value_cost_work": True,
    "value_hourly_cost": 48,
    "value_cost_credit_notes": True,
    "value_cost_credit_note": 35,
    "value_cost_late_payment": True,
    "value_cost_interest": 0.08,
}
_COMPLAINT = "feedback_kind_complaint"
_AMOUNTS = {"feedback_kind_idea": 60, _COMPLAINT: 120}
#: referred customer → referrer
_REFERRALS = {"Juniper & Salt": "Corner Lantern Cafés", "La Petite Torréfaction": "Saint-Gilles Traiteur"}
#: customer, kind, days ago, description
_FEEDBACK = [
    ("Alder & Quill Bookshops", "feedback_kind_idea", 40, "Beans in small bags to sell beside the books: now on sale"),
    ("Alder & Quill Bookshops", "feedback_kind_idea", 160, "Delivery days on the website"),
    ("Alder & Quill Bookshops", _COMPLAINT, 230, "Cups leaked: the supplier was changed"),
    ("Prairie Dental", "feedback_kind_idea", 90, "A subscription for waiting rooms"),
]
#: customer → days until an opportunity closes
_CLOSINGS = {
    "Meridian Hotels Group": 45,
    "Bloom Street Coworking": 100,
    "Golden Gate Caterers": 75,
    "Bergmann Hotels": 200,
}
#: returned everything and took a lot of time: its realised value is negative
_COSTLY = "Pop-up Kitchen 27"


def load(env, company):
    """Configure the components and give each of them a customer; a second call does nothing."""
    customers = {
        value.partner_id.name: value.partner_id for value in env["crm.value"].search([("company_id", "=", company.id)])
    }
    if env["crm.value.feedback"].search_count([("company_id", "=", company.id)], limit=1):
        return
    company.write(_SETTINGS)
    for name, amount in _AMOUNTS.items():
        env.ref(f"crm_value_addon.{name}").amount = amount
    for referred, referrer in _REFERRALS.items():
        if referred in customers and referrer in customers:
            customers[referred].referred_by_id = customers[referrer]
    today = company._value_today()
    heard = env["crm.value.feedback"].create(
        [
            {
                "partner_id": customers[name].id,
                "company_id": company.id,
                "kind_id": env.ref(f"crm_value_addon.{kind}").id,
                "date": today - timedelta(days=days),
                "description": text,
                "user_id": customers[name].user_id.id or env.ref("base.user_admin").id,
                "cause_id": env.ref("crm_value_addon.feedback_cause_product").id if kind == _COMPLAINT else False,
                "state": "done",
            }
            for name, kind, days, text in _FEEDBACK
            if name in customers
        ]
    )
    for one in heard:
        one.closed_date = one.date + timedelta(days=5)
    for name, days in _CLOSINGS.items():
        if name in customers:
            customers[name].opportunity_ids.date_deadline = today + timedelta(days=days)
    if _COSTLY in customers:
        _serve(env, company, customers[_COSTLY])
    env["crm.value.refresh"].with_company(company)._refresh_company()


def _serve(env, company, customer):
    """Win a customer by an opportunity and spend a lot of time on it."""
    lead = env["crm.lead"].create(
        {
            "type": "opportunity",
            "name": f"{customer.name}: equipment for the summer",
            "partner_id": customer.id,
            "user_id": customer.user_id.id,
            "company_id": company.id,
            "expected_revenue": 5000,
        }
    )
    lead.action_set_won()
    env["mail.activity"].create(
        [
            {
                "res_model_id": env["ir.model"]._get_id("crm.lead"),
                "res_id": lead.id,
                "summary": summary,
                "activity_type_id": env.ref("mail.mail_activity_data_call").id,
                "user_id": env.ref("base.user_admin").id,
            }
            for summary in ("Wrong grind?", "Machine leaks", "Take everything back")
        ]
    ).action_done()

"""Facts that make each ready-made follow-up rule find a demonstration customer."""

from datetime import timedelta

from odoo import Command


def load(env, company):
    """Make every trigger apply to a customer, and schedule its activities."""
    if env["crm.value.followup"].search_count([], limit=1):
        return
    values = env["crm.value"].with_company(company).search([("company_id", "=", company.id)])
    today = company._value_today()
    _make_relationships(values)
    _make_people(env, values, today)
    _make_products(env, values)
    _make_purchases(env, company, values, today)
    _make_events(env, values, today)
    _make_reasons(env, company, values, today)
    _measure_mails(env, company, today)
    run = (
        env["crm.value.followup.run"]
        .with_company(company)
        .with_context(active_test=False, allowed_company_ids=company.ids)
    )
    for rule in run.env["crm.value.followup.rule"].search([]):
        run._schedule(rule, company, limit=2)  # keeps the few demonstration users within their daily cap


def _of(values, name):
    return values.filtered(lambda value: value.partner_id.name == name)


def _make_relationships(values):
    for name, vals in {
        "Meridian Hotels Group": {
            "contact_style": "analytical",
            "preferred_channel": "mail",
            "relationship_stage": "strategic",
            "relationship_strategy": "zipper",
        },
        "Corner Lantern Cafés": {
            "preferred_channel": "activity",
            "contact_style": "sociable",
            "relationship_stage": "established",
        },
        "Copper Kettle Diner": {"contact_style": "driving"},
        "Brasserie du Nord": {"relationship_stage": "broken_external"},
    }.items():
        _of(values, name).partner_id.write(vals)


def _make_people(env, values, today):
    """Create a birthday tomorrow and archive a main contact."""
    person = _of(values, "Corner Lantern Cafés").partner_id.child_ids[:1]
    if "birthdate_date" in person._fields:
        tomorrow = today + timedelta(days=1)
        person.birthdate_date = tomorrow.replace(year=1984)  # a leap year: every day exists in it
    source = env["crm.value.followup.source"]._last_contacts(values.company_id)
    contact_of = {row["partner_id"]: row["contact_id"] for row in env.execute_query_dict(source)}
    gone = values.filtered(lambda value: value.tier_id and value.partner_id.id in contact_of)[-1:]
    env["res.partner"].browse(contact_of.get(gone.partner_id.id, [])).active = False
    if "rating.rating" in env and person:
        env["rating.rating"].create(
            {
                "res_model_id": env["ir.model"]._get_id("res.partner"),
                "res_id": person.id,
                "partner_id": person.id,
                "rating": 2,
                "consumed": True,
                "rated_on": today,
                "feedback": "The last delivery came a week late.",
            }
        )


def _make_products(env, values):
    """Create a product with a service interval, a replaced product and a stalled opportunity."""
    products = {product.name: product for product in env["product.template"].search([])}
    if "Machine Maintenance" in products:
        products["Machine Maintenance"].value_remind_months = 2
    if "Decaf Beans, 1 kg" in products:
        old = products["Decaf Beans, 1 kg"]
        old.value_successor_id = old.copy({"name": "Decaf Beans, water process, 1 kg"})
        old.active = False
    leads = env["crm.lead"].search([("partner_id", "in", values.partner_id.ids), ("type", "=", "opportunity")])
    leads.date_last_stage_update = env.cr.now() - timedelta(days=40)


def _make_purchases(env, company, values, today):
    """Create a first purchase, a customer just below the next tier, and one with an anniversary this week."""
    newcomer = env["res.partner"].create(
        {"name": "Pavilion Tea Rooms", "is_company": True, "email": "office@pavilion-tea-rooms.example.com"}
    )
    near = values.filtered(lambda value: value.next_tier_id and value.purchase_count > 1).sorted("revenue_12m")[-1:]
    need = near.next_tier_id.criterion_ids.filtered(lambda line: line.metric == "revenue_12m").enter_min
    amounts = [(newcomer, today - timedelta(days=8), 240.0)]
    if 0 < 0.95 * need - near.revenue_12m:
        amounts.append((near.partner_id, today - timedelta(days=15), round(0.95 * need - near.revenue_12m, 2)))
    regular = env["res.partner"].create(
        {"name": "Jubilee Hall", "is_company": True, "email": "office@jubilee-hall.example.com"}
    )
    amounts += [(regular, today - timedelta(days=days), 900.0) for days in (363, 240, 120, 15)]
    shrinking = env["res.partner"].create(
        {"name": "Harbour View Hotel", "is_company": True, "email": "office@harbour-view.example.com"}
    )
    amounts += [(shrinking, today - timedelta(days=days), 4500.0) for days in (560, 500, 440, 400)]
    amounts += [(shrinking, today - timedelta(days=days), 2400.0) for days in (200, 90, 20)]
    moves = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "invoice_date": day,
                "company_id": company.id,
                "invoice_line_ids": [
                    Command.create(
                        {"name": "Coffee and tea", "quantity": 1, "price_unit": amount, "tax_ids": [Command.clear()]}
                    )
                ],
            }
            for partner, day, amount in amounts
        ]
    )
    moves.action_post()
    env["crm.value.refresh"].with_company(company)._refresh_customers(company, moves.commercial_partner_id.ids)


def _make_events(env, values, today):
    """Create events of a longer use: a downgrade, customers just lost, and a tier in danger."""
    high, low = (env.ref(f"crm_value_addon.tier_{name}", raise_if_not_found=False) for name in ("gold", "silver"))
    fallen = values.filtered(lambda value: value.tier_id == low)[:1]
    if fallen and high:
        env["crm.value.tier.change"].sudo().create(
            {
                "value_id": fallen.id,
                "from_tier_id": high.id,
                "to_tier_id": low.id,
                "date": today,
                "source": "refresh",
                "reason": "Bought less than last year",
            }
        )
    env.flush_all()
    lost = values.filtered(lambda value: value.lifecycle_stage == "lost" and value.purchase_count > 1)[:2]
    env.cr.execute(
        "UPDATE crm_value SET lifecycle_since = %s WHERE id = ANY(%s)", [today - timedelta(days=5), lost.ids]
    )
    env.cr.execute(
        "UPDATE crm_value SET tier_review_date = %s WHERE tier_review_date IS NOT NULL AND id = ANY(%s)",
        [today + timedelta(days=20), values.ids],
    )
    env.invalidate_all()


def _make_reasons(env, company, values, today):
    """Make the reasons apply that a rule describes further, each to somebody with an address."""
    reachable = values.filtered(lambda value: value.partner_id.email and value.tier_id and value.purchase_count > 2)
    stages = dict(zip(("won_back", "loyal", "prospect"), reachable[:3].ids, strict=False))
    for stage, value_id in stages.items():
        env.cr.execute(
            "UPDATE crm_value SET lifecycle_stage = %s, lifecycle_since = %s WHERE id = %s", [stage, today, value_id]
        )
    env.invalidate_all()
    env["crm.value.holiday"].create({"name": "Coffee Day", "date": today + timedelta(days=2)})
    lead = env["crm.lead"].search([("partner_id", "in", values.partner_id.ids), ("type", "=", "opportunity")], limit=1)
    lead.date_deadline = today + timedelta(days=7)
    env["crm.value.feedback"].create(
        {
            "partner_id": reachable[-1:].partner_id.id,
            "company_id": company.id,
            "kind_id": env["crm.value.feedback.kind"].search([("source", "=", "manual")], limit=1).id,
            "date": today,
            "description": "The new grinder is louder than the old one",
        }
    )
    _hand_over(env, reachable[-2:-1].partner_id)


def _hand_over(env, partner):
    """Give a customer to another salesperson, with the line that Odoo logs about it."""
    old, new = env.ref("base.user_admin"), env.ref("base.user_demo", raise_if_not_found=False)
    if not partner or not new:
        return
    partner.user_id = new
    env["mail.message"].create(
        {
            "model": "res.partner",
            "res_id": partner.id,
            "message_type": "notification",
            "tracking_value_ids": [
                Command.create(
                    {
                        "field_id": env["ir.model.fields"]._get("res.partner", "user_id").id,
                        "old_value_integer": old.id,
                        "old_value_char": old.name,
                        "new_value_integer": new.id,
                        "new_value_char": new.name,
                    }
                )
            ],
        }
    )


def _measure_mails(env, company, today):
    """Let greetings of three months ago be measured against a control group."""
    rule = env.ref("crm_value_addon.followup_holiday", raise_if_not_found=False)
    if not rule:
        return
    rule.holdout_percent = 30
    values = env["crm.value"].search([("company_id", "=", company.id), ("purchase_count", ">", 0)])
    control = env["crm.value.followup.plan"]._draw_partners(rule, rule.holdout_percent, set(values.partner_id.ids))
    env["crm.value.followup"].create(
        [
            {
                "rule_id": rule.id,
                "value_id": value.id,
                "company_id": company.id,
                "occasion": "holiday-demonstration",
                "date": today - timedelta(days=90),
                "group": "control" if value.partner_id.id in control else "treated",
                "channel": "mail",
                "state": "control" if value.partner_id.id in control else "done",
                "closed_date": today - timedelta(days=90),
                "holdout_percent": rule.holdout_percent,
                "is_compared": True,
                "revenue_before": value.revenue_12m,
            }
            for value in values
        ]
    )
    env["crm.value.followup.result"]._measure(company)

"""The loyalty page of the demonstration's portal user (login "portal"): 120 are missing for Gold."""

from datetime import date, timedelta

from odoo import Command

_MISSING = 120
#: days ago → share of the purchases of a year
_PURCHASES = {700: 0.5, 330: 0.1, 290: 0.15, 240: 0.2, 200: 0.1, 150: 0.15, 110: 0.1, 60: 0.12, 9: 0.08}
_YEAR = 365


def load(env, company):
    """Open the loyalty page, and give its portal user purchases, tiers, points and a coupon."""
    user = env.ref("base.demo_user0", raise_if_not_found=False)
    company.write({"value_portal": True, "value_portal_contacts": True})
    _open_club(env, company)
    if not user or env["account.move"].search_count([("partner_id", "=", user.partner_id.id)], limit=1):
        return
    env = env(context={**env.context, "allowed_company_ids": company.ids, "tracking_disable": True})
    customer = env["res.partner"].browse(user.partner_id.id)
    _buy(env, company, customer)
    env["crm.value.refresh"]._refresh_customers(company, customer.ids)
    _remember_tiers(env, company, customer)
    _give_cards(env, company, customer)


def _open_club(env, company):
    """Offer interests, and ways to earn points; a second call does nothing."""
    club = env["loyalty.program"].search(
        [("program_type", "=", "loyalty"), ("company_id", "=", company.id)], order="id", limit=1
    )
    if not club or env["crm.value.earning"].search_count([("company_id", "=", company.id)], limit=1):
        return
    names = ("Espresso", "Filter coffee", "Tea", "Machines and grinders", "Barista courses")
    env["crm.value.interest"].create([{"name": name, "color": number} for number, name in enumerate(names, 1)])
    coffee_day = env["crm.value.holiday"].create(
        {"name": "International Coffee Day", "date": date(2015, 10, 1), "is_yearly": True}
    )
    ways = {
        "profile": ("Complete your profile", 50, {}),
        "referral": ("Bring a new customer", 200, {"most_count": 5, "most_period": "year"}),
        "anniversary": ("Anniversary of your first purchase", 100, {}),
        "holiday": ("International Coffee Day", 25, {"holiday_id": coffee_day.id}),
    }
    if "rating.rating" in env:
        ways["review"] = ("Review what you bought", 20, {"most_count": 3, "most_period": "month"})
    env["crm.value.earning"].create(
        [
            {
                "name": name,
                "sequence": 10 * number,
                "event": event,
                "points": points,
                "program_id": club.id,
                "company_id": company.id,
                "date_from": company._value_today(),
                **vals,
            }
            for number, (event, (name, points, vals)) in enumerate(ways.items(), 1)
        ]
    )


def _buy(env, company, customer):
    today = company._value_today()
    gold = env.ref("crm_value_addon.tier_gold").criterion_ids.filtered(lambda line: line.metric == "revenue_12m")
    worth = gold.enter_min - _MISSING
    moves = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": customer.id,
                "company_id": company.id,
                "invoice_date": today - timedelta(days=days),
                "invoice_line_ids": [
                    Command.create(
                        {
                            "name": "Coffee and filters",
                            "quantity": 1,
                            "price_unit": round(worth * share, 2),
                            "tax_ids": [],
                        }
                    )
                ],
            }
            for days, share in _PURCHASES.items()
        ]
    )
    moves.action_post()


def _remember_tiers(env, company, customer):
    """Date the tier changes back: Silver was reached in the course of the year."""
    value = env["crm.value"].search([("partner_id", "=", customer.id), ("company_id", "=", company.id)])
    today, Change = company._value_today(), env["crm.value.tier.change"].sudo()
    Change.search([("value_id", "=", value.id)]).unlink()
    bronze, silver = (env.ref(f"crm_value_addon.tier_{name}") for name in ("bronze", "silver"))
    for tier, before, days in ((bronze, bronze.browse(), 700), (silver, bronze, 240)):
        Change.create(
            {
                "value_id": value.id,
                "from_tier_id": before.id,
                "to_tier_id": tier.id,
                "source": "initial",
                "date": today - timedelta(days=days),
            }
        )
    env.flush_all()
    env.cr.execute("UPDATE crm_value SET tier_since = %s WHERE id = %s", [today - timedelta(days=240), value.id])
    env.invalidate_all()


def _give_cards(env, company, customer):
    Program = env["loyalty.program"]
    expires = company._value_today() + timedelta(days=60)
    for kind, points, expiration in (("loyalty", 440, False), ("coupons", 1, expires)):
        program = Program.search([("program_type", "=", kind), ("company_id", "=", company.id)], order="id", limit=1)
        if program:
            env["loyalty.card"].with_context(loyalty_no_mail=True).create(
                {"program_id": program.id, "partner_id": customer.id, "points": points, "expiration_date": expiration}
            )

"""The benefits of the demonstration tiers, and a few orders that show them."""

from odoo import Command

#: customers that get a quotation
_QUOTED = 4


def load(env, company):
    """Give each tier believable benefits; a second call does nothing."""
    tiers = {name: env.ref(f"crm_value_addon.tier_{name}") for name in ("bronze", "silver", "gold", "platinum")}
    if any(tier.benefit_ids for tier in tiers.values()):
        return
    env = env(context={**env.context, "allowed_company_ids": company.ids, "tracking_disable": True})
    _give(env, company, tiers)
    _quote(env, company)


def _give(env, company, tiers):
    env.ref("base.group_user").implied_ids += env.ref("product.group_product_pricelist")
    gold, platinum = _pricelists(env, company, {"Gold customers": 5, "Platinum customers": 8})
    club, birthday, welcome, training = _programs(env, company)
    term = env["account.payment.term"].create(
        {"name": "45 days", "line_ids": [Command.create({"value": "percent", "value_amount": 100, "nb_days": 45})]}
    )
    benefits = {
        "silver": [
            ("points_multiplier", {"points_factor": 1.5}),
            ("gift", {"program_id": welcome.id, "occasion": "activated", "gift_days": 90}),
        ],
        "gold": [
            ("pricelist", {"pricelist_id": gold.id}),
            ("points_multiplier", {"points_factor": 2}),
            ("gift", {"program_id": birthday.id, "occasion": "anniversary", "gift_days": 60}),
            ("gift", {"program_id": welcome.id, "occasion": "activated", "gift_days": 90}),
            ("gift", {"program_id": birthday.id, "occasion": "drawn", "draw_winners": 3, "gift_days": 60}),
            ("note", {"note": "Offer a barista training with every machine."}),
        ],
        "platinum": [
            ("pricelist", {"pricelist_id": platinum.id}),
            ("payment_term", {"payment_term_id": term.id}),
            ("points_multiplier", {"points_factor": 3}),
            ("program", {"program_id": training.id}),
            ("gift", {"program_id": welcome.id, "occasion": "reach", "gift_days": 90}),
            ("gift", {"program_id": welcome.id, "occasion": "activated", "gift_days": 90}),
            ("gift", {"program_id": birthday.id, "occasion": "drawn", "draw_winners": 3, "gift_days": 60}),
            ("priority", {}),
            ("note", {"note": "Call before the first delivery of a new machine."}),
        ],
    }
    env["crm.value.benefit"].create(
        [
            {"tier_id": tiers[tier].id, "benefit_type": kind, "company_id": company.id, "sequence": 10 * number, **vals}
            for tier, given in benefits.items()
            for number, (kind, vals) in enumerate(given, 1)
        ]
    )
    company.value_referral_program_id = welcome


def _pricelists(env, company, discounts):
    Pricelist = env["product.pricelist"]
    # Without a public pricelist before it, the pricelist of a tier would be everybody's.
    if not Pricelist.search_count([("company_id", "in", [False, company.id]), ("item_ids", "=", False)], limit=1):
        Pricelist.create({"name": "Public Pricelist", "sequence": 1, "company_id": company.id})
    return Pricelist.create(
        [
            {
                "name": name,
                "sequence": 50,
                "company_id": company.id,
                "item_ids": [
                    Command.create({"applied_on": "3_global", "compute_price": "percentage", "percent_price": discount})
                ],
            }
            for name, discount in discounts.items()
        ]
    )


def _programs(env, company):
    Program = env["loyalty.program"].with_company(company)
    defaults = Program._program_type_default_values()

    def program(kind, name, **vals):
        return Program.create({**defaults[kind], "name": name, "program_type": kind, "company_id": company.id, **vals})

    def percent(discount):
        return {"reward_ids": [Command.clear(), Command.create({"required_points": 1, "discount": discount})]}

    club = program(
        "loyalty",
        "Coffee Club",
        rule_ids=[Command.clear(), Command.create({"reward_point_mode": "money", "reward_point_amount": 1})],
        reward_ids=[
            Command.clear(),
            Command.create(
                {
                    "discount_mode": "per_order",
                    "discount": 10,
                    "required_points": 500,
                    "discount_applicability": "order",
                }
            ),
        ],
    )
    training = program(
        "promotion",
        "Platinum: 3 % from 2,000 on",
        rule_ids=[
            Command.clear(),
            Command.create({"reward_point_amount": 1, "reward_point_mode": "order", "minimum_amount": 2000}),
        ],
        **percent(3),
    )
    return (
        club,
        program("coupons", "Anniversary coupon", **percent(10)),
        program("coupons", "Welcome and thank-you coupon", **percent(15)),
        training,
    )


def _quote(env, company):
    """Make quotations for the best customers; one of them is confirmed."""
    values = env["crm.value"].search(
        [("company_id", "=", company.id), ("tier_id", "!=", False)], order="revenue_12m desc", limit=_QUOTED
    )
    products = (
        env["product.product"]
        .search(
            [("sale_ok", "=", True), ("company_id", "in", [False, company.id]), ("standard_price", ">", 0)],
            order="list_price desc",
        )
        .filtered(lambda product: product.standard_price < 0.75 * product.list_price)[:3]
    )
    if not products:
        return
    orders = env["sale.order"].create(
        [
            {
                "partner_id": value.partner_id.id,
                "company_id": company.id,
                "order_line": [
                    Command.create({"product_id": product.id, "product_uom_qty": 1 + number})
                    for number, product in enumerate(products)
                ],
            }
            for value in values
        ]
    )
    for order in orders[:1]:
        order.action_confirm()
    for order in orders[1:2]:
        order.action_quotation_sent()

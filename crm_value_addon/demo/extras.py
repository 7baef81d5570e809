"""What a company that uses all of the addon has beside tiers and benefits; also of the sample data (sample.py)."""

from datetime import timedelta

from odoo import Command

#: customers of the demonstration who bought before documents were kept in Odoo
_BROUGHT_ALONG = ("Atelier Passy", "Hotel Seeblick", "Old Mill Catering")
#: of the customers who buy a product, those who have to buy the other one, so that it is suggested
_LEAST_SHARE = 0.3


def load(env, company):
    """Fill the demonstration company; a second call does nothing."""
    if env["crm.value.rebate"].search_count([("company_id", "=", company.id)], limit=1):
        return
    env = env(context={**env.context, "allowed_company_ids": company.ids, "tracking_disable": True})
    opening_purchases(env, company, env["res.partner"].search([("name", "in", _BROUGHT_ALONG)]))
    rebate(env, company, env.ref("crm_value_addon.tier_platinum"))
    gift_rule(env, company, env.ref("crm_value_addon.tier_platinum"))
    target(env, company, env.ref("base.user_admin"))
    suggestions(env, company)
    # what customers spend on coffee may be a criterion of tiers
    env["product.category"].search([("name", "=", "Coffee")], limit=1).value_for_tiers = True


def opening_purchases(env, company, partners):
    """Let customers bring purchases along from before documents were kept."""
    today = company._value_today()
    env["crm.value.opening"].create(
        [
            {
                "partner_id": partner.id,
                "company_id": company.id,
                "date": today - timedelta(days=900 + 30 * number),
                "amount": 1500.0 * number,
                "purchase_count": number,
                "first_date": today - timedelta(days=1200),
                "reference": f"OLD-{number}",
            }
            for number, partner in enumerate(partners, 1)
        ]
    )
    env["crm.value.refresh"].with_company(company)._refresh_customers(company, partners.ids)


def rebate(env, company, tier):
    """Give a tier a rebate of the year."""
    bonus = env["product.product"].create(
        {"name": "Yearly rebate", "type": "service", "company_id": company.id, "sale_ok": False}
    )
    env["crm.value.rebate"].create(
        {
            "name": "Yearly rebate",
            "company_id": company.id,
            "tier_id": tier.id,
            "product_id": bonus.id,
            "date_from": company._value_today().replace(month=1, day=1),
            "step_ids": [
                Command.create({"amount_from": 0.0, "percent": 1.0}),
                Command.create({"amount_from": 20_000.0, "percent": 3.0}),
            ],
        }
    )


def gift_rule(env, company, tier):
    """Make a rule that thanks loyal customers of a tier with a coupon; a draft, to be looked at."""
    program = env["loyalty.program"].with_company(company)
    coupon = program.create(
        {
            **program._program_type_default_values()["coupons"],
            "name": "Coupon of thanks",
            "program_type": "coupons",
            "company_id": company.id,
        }
    )
    gift = env["crm.value.benefit"].create(
        {
            "tier_id": tier.id,
            "company_id": company.id,
            "benefit_type": "gift",
            "program_id": coupon.id,
            "occasion": "rule",
            "gift_days": 60,
        }
    )
    env["crm.value.followup.rule"].create(
        {
            "name": "Thank a loyal customer with a coupon",
            "company_id": company.id,
            "trigger": "anniversary",
            "action_type": "gift",
            "gift_id": gift.id,
            "active": False,
        }
    )


def suggestions(env, company):
    """Suggest to each customer what most of those who buy its main product buy, too.

    A backtest of the methods needs more customers than there are here; the shares are those of these customers.
    """
    bought = {}
    for row in env["crm.value.product"].search(
        [("company_id", "=", company.id), ("product_tmpl_id", "!=", False)], order="revenue_12m desc, id"
    ):
        bought.setdefault(row.value_id, []).append(row.product_tmpl_id)
    vals_list = []
    for value, own in bought.items():
        alike = [products for products in bought.values() if own[0] in products]
        shares = {
            product: sum(product in products for products in alike) / len(alike)
            for products in alike
            for product in products
            if product not in own and product.active and product.sale_ok
        }
        best = max(shares, key=lambda product, shares=shares: (shares[product], -product.id), default=None)
        if best and shares[best] >= _LEAST_SHARE:
            vals_list.append(
                {
                    "partner_id": value.partner_id.id,
                    "company_id": company.id,
                    "value_id": value.id,
                    "product_tmpl_id": best.id,
                    "because_id": own[0].id,
                    "share": shares[best],
                    "rank": 1,
                    "date": company._value_today(),
                }
            )
    env["crm.value.suggestion"].create(vals_list)


def target(env, company, user):
    """Ask for a tenth more customer equity than there is."""
    [[equity]] = env["crm.value"]._read_group([("company_id", "=", company.id)], aggregates=["equity:sum"])
    env["crm.value.target"].create(
        {"company_id": company.id, "metric": "equity", "goal": round(1.1 * (equity or 0), -3), "user_id": user.id}
    )

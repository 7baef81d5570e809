"""Sample data for a database that is in use: a company of its own that shows each part of the addon at work.

Nothing of it is shared with another company: contacts, products, rules and programs belong to the sample company, so
that `crm.value.sample` finds and removes them by it.
"""

from datetime import timedelta

from . import extras
from .generator import Generator

#: what a sample company computes with: a model, although it has few customers, products one by one, all components
_SETTINGS = {
    "value_method": "model",
    "value_product_level": "product",
    "value_referral_share": 0.1,
    "value_cost_credit_notes": True,
    "value_cost_credit_note": 35,
}
#: customers followed up three months ago, so that their result is known
_MEASURED_DAYS_AGO = 100


def load(env, company, seller):
    """Fill a new company.

    :param seller: the user who gets customers and activities
    """
    env = env(context=dict(env.context, allowed_company_ids=company.ids, tracking_disable=True))
    company = company.with_env(env)
    company.write(_SETTINGS)
    env["ir.sequence"].create(
        {"name": "Sample orders", "code": "sale.order", "prefix": "SAMPLE", "padding": 4, "company_id": company.id}
    )
    generator = Generator(env, company, owner=seller)
    generator.run()
    env["crm.value.fit"]._fit_company(company)
    extras.opening_purchases(env, company, env["res.partner"].concat(*list(generator.customers.values())[:3]))
    env["crm.value.refresh"].with_company(company)._refresh_company()
    env["crm.value.reconstruction"].with_company(company)._reconstruct()
    extras.suggestions(env, company)
    best = env["crm.value"].search(
        [("company_id", "=", company.id), ("tier_id", "!=", False)], limit=1, order="clv desc"
    )
    if best:  # a database may have no tier that anybody reaches
        extras.rebate(env, company, best.tier_id)
        extras.gift_rule(env, company, best.tier_id)
    extras.target(env, company, seller)
    rule = _rule(env, company, seller)
    _measure(env, company, rule)
    env["crm.value.followup.run"].with_company(company)._schedule(rule, company, limit=5)


def _rule(env, company, seller):
    """Return a rule of the company's own that finds whoever is at risk, with a control group."""
    return env["crm.value.followup.rule"].create(
        {
            "name": "Call whoever falls silent",
            "trigger": "at_risk",
            "company_id": company.id,
            "responsible_type": "user",
            "user_id": seller.id,
            "delay_days": 0,
            "holdout_percent": 30,
            "active": True,
        }
    )


def _measure(env, company, rule):
    """Let calls of three months ago be measured against the control group."""
    day = company._value_today() - timedelta(days=_MEASURED_DAYS_AGO)
    values = env["crm.value"].search([("company_id", "=", company.id), ("purchase_count", ">", 2)])
    control = env["crm.value.followup.plan"]._draw_partners(rule, rule.holdout_percent, set(values.partner_id.ids))
    env["crm.value.followup"].create(
        [
            {
                "rule_id": rule.id,
                "value_id": value.id,
                "company_id": company.id,
                "occasion": "sample",
                "date": day,
                "group": "control" if value.partner_id.id in control else "treated",
                "channel": "activity",
                "state": "control" if value.partner_id.id in control else "done",
                "closed_date": day,
                "holdout_percent": rule.holdout_percent,
                "is_compared": True,
                "revenue_before": value.revenue_12m,
            }
            for value in values
        ]
    )
    env["crm.value.followup.result"]._measure(company)

from datetime import date, timedelta

from odoo import Command, fields
from odoo.tests import new_test_user

from ..common_benefits import BenefitCase

#: who is asked: role → groups; the administrator is the one Odoo makes: settings and all of sales
ROLES = {
    "public": None,
    "portal": "base.group_portal",
    "employee": "base.group_user",
    "own": "sales_team.group_sale_salesman",
    "all": "sales_team.group_sale_salesman_all_leads",
    "manager": "sales_team.group_sale_manager",
    "invoicing": "account.group_account_invoice",
    "admin": "base.group_system,base.group_partner_manager,sales_team.group_sale_manager",
}


class TrustCase(BenefitCase):
    """A user of each role, and a record of each model, for one customer with a past."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        company = {"company_id": cls.company.id, "company_ids": [Command.set(cls.company.ids)]}
        cls.users = {
            role: new_test_user(cls.env, f"trust_{role}", groups, **company)
            if groups
            else cls.env.ref("base.public_user")
            for role, groups in ROLES.items()
        }
        cls.today = fields.Date.today()
        cls.company.write({"value_cost_benefits": True} if "value_cost_benefits" in cls.company._fields else {})
        cls.buyer = cls.customer("Buyer", email="buyer@example.com")
        # 4,321.09 revenue and 1,234.57 margin: nothing else in the tests makes these figures
        cls.product_of_buyer = cls.env["product.product"].create(
            {"name": "Trusted", "list_price": 4321.09, "standard_price": 3086.52, "taxes_id": [Command.clear()]}
        )
        cls.document = cls.invoice(cls.buyer, cls.today - timedelta(days=40), 4321.09, product=cls.product_of_buyer)
        cls.sale = cls.order(cls.buyer, user_id=False)
        cls.lead = cls.env["crm.lead"].create(
            {
                "name": "Chance",
                "partner_id": cls.buyer.id,
                "company_id": cls.company.id,
                "type": "opportunity",
                "user_id": False,
                "expected_revenue": 500.0,
                "probability": 50.0,
            }
        )
        cls.refresh()
        cls.worth = cls.value(cls.buyer)
        cls.records = cls.make_records()

    @classmethod
    def make_records(cls):
        """Return a record of each model that stores rows of its own."""
        env, company, value = cls.env, cls.company, cls.worth
        rule = env["crm.value.followup.rule"].create(
            {"name": "Ask", "trigger": "manual", "company_id": company.id, "user_id": cls.users["own"].id}
        )
        program = cls.program("coupons")
        gift = cls.benefit("gift", program_id=program.id)
        category = env["product.category"].create({"name": "Samples"})
        product = env["crm.value.product"].create(
            {
                "partner_id": cls.buyer.id,
                "company_id": company.id,
                "value_id": value.id,
                "category_id": category.id,
                "state": "regular",
                "revenue_12m": 4321.09,
                "margin_12m": 1234.57,
                "margin_previous_12m": 1234.57,
            }
        )
        lock = env["crm.value.tier.lock"].create({"value_id": value.id, "tier_id": cls.top.id, "reason": "Promised"})
        env["crm.value.queue"]._push_partners(cls.buyer, company)
        rebate = env["crm.value.rebate"].create(
            {
                "name": "Bonus",
                "company_id": company.id,
                "tier_id": cls.top.id,
                "product_id": env["product.product"].create({"name": "Bonus", "type": "service"}).id,
                "step_ids": [Command.create({"amount_from": 0.0, "percent": 1.0})],
            }
        )
        plan = env["crm.value.tier.plan"].create(
            {
                "company_id": company.id,
                "scheme": "standard",
                "from_date": date(2100, 1, 1),
                "line_ids": [Command.create({"tier_id": cls.top.id, "downgrade_policy": "never"})],
                "criterion_ids": [Command.create({"tier_id": cls.top.id, "metric": "revenue_12m", "enter_min": 1.0})],
            }
        )
        return {
            "crm.value": value,
            "crm.value.benefit": gift,
            "crm.value.caution.override": env["crm.value.caution.override"].create(
                {"value_id": value.id, "caution": True, "reason": "Said so"}
            ),
            "crm.value.demand": env["crm.value.demand"].browse(product.id * 12),
            "crm.value.dismissal": env["crm.value.dismissal"].create(
                {"partner_id": cls.buyer.id, "company_id": company.id, "category_id": category.id, "reason": "other"}
            ),
            "crm.value.document": env["crm.value.document"].search([("move_id", "=", cls.document.id)]),
            "crm.value.feedback": env["crm.value.feedback"].create(
                {
                    "partner_id": cls.buyer.id,
                    "company_id": company.id,
                    "description": "Heard",
                    "kind_id": env["crm.value.feedback.kind"].search([("source", "=", "manual")], limit=1).id,
                }
            ),
            "crm.value.feedback.cause": env["crm.value.feedback.cause"].create(
                {"name": "Hearsay", "company_id": company.id}
            ),
            "crm.value.feedback.kind": env["crm.value.feedback.kind"].create(
                {"name": "Rumour", "company_id": company.id}
            ),
            "crm.value.scorecard": env["crm.value.scorecard"].create(
                {"company_id": company.id, "date": cls.today, "user_id": cls.users["own"].id, "equity": 1234.57}
            ),
            "crm.value.departure": env["crm.value.departure"].create(
                {"partner_id": cls.buyer.id, "company_id": company.id}
            ),
            "crm.value.leaving.reason": env["crm.value.leaving.reason"].create(
                {"name": "Fashion", "company_id": company.id}
            ),
            "crm.value.fit": env["crm.value.fit"].create(
                {"company_id": company.id, "as_of_date": cls.today, "model": "mbg", "reliability": "fallback"}
            ),
            "crm.value.followup": env["crm.value.followup"].create(
                {
                    "rule_id": rule.id,
                    "value_id": value.id,
                    "company_id": company.id,
                    "occasion": "once",
                    "date": cls.today,
                    "group": "treated",
                    "state": "open",
                    "user_id": cls.users["own"].id,
                    "outcome_margin": 1234.57,
                }
            ),
            "crm.value.followup.rule": rule,
            # the tier that was fixed by hand gave it
            "crm.value.grant": env["crm.value.grant"].search([("value_id", "=", value.id)]),
            "crm.value.draw": env["crm.value.draw"].create(
                {
                    "benefit_id": gift.id,
                    "company_id": company.id,
                    "period": "2025-Q1",
                    "date": "2025-03-31",
                    "seed": "seed",
                    "participants": value.ids,
                }
            ),
            "crm.value.liability": env["crm.value.liability"].search([], limit=1),
            "crm.value.mail": env["crm.value.mail"].create(
                {"value_id": value.id, "kind": "reached", "tier_id": cls.top.id, "occasion": "once"}
            ),
            "crm.value.product": product,
            "crm.value.recommender": env["crm.value.recommender"].create(
                {"company_id": company.id, "date": cls.today, "state": "few", "uplift_margin": 1234.57}
            ),
            "crm.value.suggestion": env["crm.value.suggestion"].create(
                {
                    "partner_id": cls.buyer.id,
                    "company_id": company.id,
                    "value_id": value.id,
                    "product_tmpl_id": cls.product.product_tmpl_id.id,
                    "expected_margin": 1234.57,
                }
            ),
            "crm.value.opening": env["crm.value.opening"].create(
                {
                    "partner_id": cls.customer("Elsewhere", value_opt_out=True).id,
                    "company_id": company.id,
                    "date": "2020-01-01",
                    "amount": 10.0,
                }
            ),
            "crm.value.opening.standing": env["crm.value.opening.standing"].create(
                {
                    "partner_id": cls.customer("Member", value_opt_out=True).id,
                    "company_id": company.id,
                    "tier_id": cls.top.id,
                }
            ),
            "crm.value.points.due": env["crm.value.points.due"].create(
                {"partner_key": cls.buyer.id, "company_key": company.id}
            ),
            "crm.value.cohort": env["crm.value.cohort"].search([("partner_id", "=", cls.buyer.id)], limit=1),
            "crm.value.purchase": env["crm.value.purchase"].search([("partner_id", "=", cls.buyer.id)]),
            "crm.value.queue": env["crm.value.queue"].search([], limit=1),
            "crm.value.rebate": rebate,
            "crm.value.rebate.settlement": env["crm.value.rebate.settlement"].create(
                {
                    "rebate_id": rebate.id,
                    "partner_id": cls.buyer.id,
                    "date": "2020-12-31",
                    "amount": 1.0,
                    "move_id": cls.invoice(cls.buyer, cls.today, 1.0, move_type="out_refund", post=False).id,
                }
            ),
            "crm.value.rebate.step": rebate.step_ids,
            "crm.value.tier.plan": plan,
            "crm.value.tier.plan.criterion": plan.criterion_ids,
            "crm.value.tier.plan.line": plan.line_ids,
            "crm.value.rfm.segment": env["crm.value.rfm.segment"].search([], limit=1),
            "crm.value.run": env["crm.value.run"].search([("company_id", "=", company.id)], limit=1),
            "crm.value.run.range": env["crm.value.run.range"].create(
                {
                    "run_id": env["crm.value.run"].search([("company_id", "=", company.id)], limit=1).id,
                    "as_of_date": cls.today,
                    "first_key": 0,
                    "last_key": cls.buyer.id,
                }
            ),
            "crm.value.run.skipped": env["crm.value.run.skipped"].create(
                {
                    "run_id": env["crm.value.run"].search([("company_id", "=", company.id)], limit=1).id,
                    "partner_key": cls.buyer.id,
                    "note": "A reason",
                }
            ),
            "crm.value.snapshot": value.snapshot_ids,
            "crm.value.target": env["crm.value.target"].create(
                {"company_id": company.id, "metric": "equity", "goal": 1.0, "user_id": cls.users["manager"].id}
            ),
            "crm.value.tier": cls.top,
            "crm.value.tier.change": value.tier_change_ids[:1],
            "crm.value.tier.criterion": cls.top.criterion_ids,
            "crm.value.tier.lock": lock,
        }

    @classmethod
    def make_wizard(cls, model, user):
        """Return a wizard of a user, made with its rights."""
        env = cls.env(user=user, context={"allowed_company_ids": cls.company.ids})
        simulation = {"crm.value.tier.simulation.line", "crm.value.tier.simulation.criterion"}
        if model in simulation:
            made = cls.make_wizard("crm.value.tier.simulation", user)
            return made.line_ids[:1] if model.endswith("line") else made.criterion_ids[:1]
        vals = {
            "crm.value.benefit.copy": {"tier_id": cls.low.id, "from_tier_id": cls.top.id},
            "crm.value.followup.preview": {"rule_id": cls.records["crm.value.followup.rule"].id},
            "crm.value.replay": {"as_of_date": cls.today - timedelta(days=1)},
        }.get(model, {})
        return env[model].create(vals)

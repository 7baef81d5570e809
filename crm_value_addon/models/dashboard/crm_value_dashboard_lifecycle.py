from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from .crm_value_dashboard_customers import ACTIVE_STAGES

#: follow-ups of lost customers are counted for so many months
MONTHS = 12


class CrmValueDashboardLifecycle(models.AbstractModel):
    """The customers by stage of life, and how many of the lost ones who were followed up are customers again.

    How it works: counted are the follow-ups of the last months whose rule is for lost customers. Their cost is the time
    of the activities that were done, and the gifts that were given, at the rates of the settings for the cost to serve.
    """

    _name = "crm.value.dashboard.lifecycle"
    _description = "Customer Value Dashboard: Lifecycle"
    _inherit = "crm.value.dashboard.section"
    _section_sequence = 30

    @api.model
    def _read(self, scope, payload):
        Customers = self.env["crm.value.dashboard.customers"]
        groups = scope.sums.groups
        return {
            "rows": [
                {
                    "stage": stage,
                    "name": name,
                    **Customers._sum(
                        scope,
                        Domain("lifecycle_stage", "=", stage),
                        [group for group in groups if group.stage == stage],
                    ),
                }
                for stage, name in self.env["crm.value"]._fields["lifecycle_stage"]._description_selection(self.env)
            ],
            "win_back": self._win_back(scope),
        }

    @api.model
    def _win_back(self, scope):
        """Return the follow-ups of lost customers, how many are customers again, and what each of these cost."""
        tries = scope.sums.tries
        back = [some for some in tries if some.stage in ACTIVE_STAGES]
        domain = self._domain_of_tries(scope)
        came_back = domain & Domain("value_id.lifecycle_stage", "in", ACTIVE_STAGES)
        count, count_back = (sum(one.tried for one in some) for some in (tries, back))
        held_out, held_out_back = (sum(one.held_out for one in some) for some in (tries, back))
        section = {
            "tried": self._figure(domain, count, "crm.value.followup"),
            "back": self._figure(came_back, count_back, "crm.value.followup"),
            "rate": round(count_back / count, 4) if count else False,
            "rate_without": round(held_out_back / held_out, 4) if held_out else False,
        }
        if scope.sees_worth and count_back:
            section["cost"] = round(float(sum(one.cost for one in tries)) / count_back, 2)
        return section

    @api.model
    def _triggers_of_return(self):
        triggers = self.env["crm.value.followup.trigger"]._triggers().values()
        return [trigger.code for trigger in triggers if trigger.is_return]

    @api.model
    def _since(self, scope):
        return scope.today - relativedelta(months=MONTHS)

    @api.model
    def _domain_of_tries(self, scope):
        """Return the domain of the follow-ups of lost customers that took place."""
        lost = Domain("rule_id.trigger", "in", self._triggers_of_return())
        lost |= Domain("rule_id.trigger", "=", "stage_reached") & Domain("rule_id.stage", "=", "lost")
        here = Domain("company_id", "in", scope.companies.ids) & scope.filter("value_id.")
        return here & lost & Domain("date", ">", self._since(scope)) & Domain("group", "=", "treated")

    @api.model
    def _select_tries(self, scope):
        """Return the SELECT of (value_id, tried, held_out, cost): the follow-ups of lost customers, by customer.

        Sellers may know the share of the control group, not who is in it.
        """
        companies = scope.companies.sudo()  # sudo: the rates of the cost to serve
        return SQL(
            """SELECT followup.value_id, count(*) FILTER (WHERE followup."group" = 'treated') AS tried,
                      count(*) FILTER (WHERE followup."group" = 'control') AS held_out,
                      sum(CASE WHEN followup."group" = 'control' THEN 0
                               WHEN followup.channel = 'gift' THEN rate.gift
                               WHEN followup.channel = ANY(%(work)s) AND followup.state = 'done' THEN rate.activity
                               ELSE 0 END) AS cost
                 FROM crm_value_followup followup
                 JOIN crm_value_followup_rule rule ON rule.id = followup.rule_id
                      AND (rule.trigger = ANY(%(triggers)s) OR rule.trigger = 'stage_reached' AND rule.stage = 'lost')
                 JOIN unnest(%(companies)s::int[], %(activities)s::float8[], %(gifts)s::float8[])
                      AS rate(company_id, activity, gift) ON rate.company_id = followup.company_id
                WHERE followup.date > %(since)s
                GROUP BY followup.value_id""",
            work=self.env["crm.value.followup.action"]._work(),
            triggers=self._triggers_of_return(),
            companies=companies.ids,
            activities=[one.value_activity_minutes / 60 * one.value_hourly_cost for one in companies],
            gifts=[one.value_cost_gift for one in companies],
            since=self._since(scope),
        )

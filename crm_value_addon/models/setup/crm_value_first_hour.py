from odoo import api, models
from odoo.exceptions import AccessError, UserError

_MANAGER_GROUP = "sales_team.group_sale_manager"
#: the steps in their order, and the group that may take each
STEPS = {
    "refresh": _MANAGER_GROUP,
    "settings": "base.group_system",
    "tiers": _MANAGER_GROUP,
    "benefits": _MANAGER_GROUP,
    "rules": _MANAGER_GROUP,
}


class CrmValueFirstHour(models.AbstractModel):
    """What a manager does in the first hour, as a checklist on the dashboard until it is done.

    How to use: `_checklist` for the dashboard; `open_step` and `close` from there.

    How it works: a step is done once somebody opened it; the company remembers which (`value_first_hour`). Only the
    first refresh is done when it is.
    """

    _name = "crm.value.first.hour"
    _description = "Customer Value: First Hour"

    @api.model
    def _checklist(self, company, has_figures):
        """Return the steps for the user: dicts ``name title text button is_done is_open``; none when all is done.

        :param has_figures: whether the first refresh of the company is through
        """
        done = self._done(company)
        if not self.env.user.has_group(_MANAGER_GROUP) or done >= STEPS.keys() - {"refresh"}:
            return []
        done = done - {"refresh"} | ({"refresh"} if has_figures else set())
        texts = self._texts(company)
        return [
            dict(
                zip(("title", "text", "button"), texts[name], strict=True),
                name=name,
                is_done=name in done,
                is_open=name == "settings" or (has_figures if name != "refresh" else not has_figures),
            )
            for name, group in STEPS.items()
            if self.env.user.has_group(group)
        ]

    @api.model
    def _done(self, company):
        return set((company.sudo().value_first_hour or "").split())  # sudo: reads only which steps were taken

    @api.model
    def _texts(self, company):
        basis = dict(company._fields["value_basis"]._description_selection(self.env))[company.value_basis]
        return {
            "refresh": (
                self.env._("First refresh"),
                self.env._("Reads all posted invoices; month ends of the last two years follow by themselves."),
                self.env._("Compute Now"),
            ),
            "settings": (
                self.env._("Settings"),
                self.env._(
                    "What values are computed from (now: %(basis)s, and %(rate)s %% of the revenue where no cost is "
                    "known), how far they look ahead, what customers may see.",
                    basis=basis,
                    rate=round(100 * company.value_margin_rate),
                ),
                self.env._("Look at the Settings"),
            ),
            "tiers": (
                self.env._("Thresholds of the tiers"),
                self.env._("Proposed from your own customers, and simulated. Nothing is saved until you apply it."),
                self.env._("Propose Thresholds"),
            ),
            "benefits": (
                self.env._("Benefits of the tiers"),
                self.env._("What each tier brings: prices, payment terms, points, gifts, notes for salespeople."),
                self.env._("Look at the Tiers"),
            ),
            "rules": (
                self.env._("Follow-up rules"),
                self.env._("Whom to call, and when. All but three are off; each has a preview."),
                self.env._("Look at the Rules"),
            ),
        }

    @api.model
    def open_step(self, name, company_id):
        """Open a step of the checklist, and take it for looked at.

        :param str name: a ``name`` of the checklist
        :param int company_id: one of the active companies
        :return: the action that shows it
        :raise AccessError: the user may not take this step
        :raise UserError: there is no such step, or the company is not among the active ones
        """
        company = self._company(company_id)
        if name not in STEPS:
            raise UserError(self.env._("There is no step called %(name)s.", name=name))
        if not self.env.user.has_group(STEPS[name]):
            raise AccessError(self.env._("An administrator takes this step."))
        action = getattr(self, f"_open_{name}")(company)
        self._mark(company, [name])
        return action

    @api.model
    def close(self, company_id):
        """Take all steps for done: the checklist does not come back.

        :param int company_id: one of the active companies
        :raise AccessError: the user is no sales manager
        :raise UserError: the company is not among the active ones
        """
        self._mark(self._company(company_id), STEPS)

    @api.model
    def _company(self, company_id):
        if not self.env.user.has_group(_MANAGER_GROUP):
            raise AccessError(self.env._("The first steps are for sales managers."))
        company = self.env.companies.filtered(lambda company: company.id == company_id)
        if not company:
            raise UserError(self.env._("This company is not among your active ones."))
        return company

    @api.model
    def _mark(self, company, names):
        done = self._done(company) | set(names)
        # sudo: a manager need not be able to write companies; only the names of steps are written.
        company.sudo().value_first_hour = " ".join(name for name in STEPS if name in done)

    # the steps

    @api.model
    def _open_refresh(self, company):
        return self.env["crm.value"].with_company(company).action_recompute_company()

    @api.model
    def _open_settings(self, company):
        action = self.env["ir.actions.act_window"]._for_xml_id("base.res_config_setting_act_window")
        return action | {"context": {"module": "crm_value_addon", "bin_size": False}}

    @api.model
    def _open_tiers(self, company):
        """Simulate thresholds by which the tiers have the shares of customers that a pyramid has."""
        simulation = self.env["crm.value.tier.simulation"].with_company(company).create({})
        simulation.action_propose()
        return simulation._open()

    @api.model
    def _open_benefits(self, company):
        return self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_tier_action")

    @api.model
    def _open_rules(self, company):
        return self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_followup_rule_action")

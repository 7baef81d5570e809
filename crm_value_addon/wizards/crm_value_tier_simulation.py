from odoo import Command, api, fields, models
from odoo.exceptions import MissingError
from odoo.tools import SQL

from ..const import MARGIN_GROUP
from ..models.refresh.crm_value_scheduler import REQUEST_LIMIT
from ..models.tiers import tier_rules
from .crm_value_tier_simulation_line import NO_TIER, OTHER_SET

#: customers judged per step: the progress bar moves, and no request takes long
_STEP = 25_000


class CrmValueTierSimulation(models.TransientModel):
    """Other thresholds, tried out: who would have which tier, before anything is written.

    The preview asks the assignment's own SELECT (models/tiers/tier_rules.py) with other rules; applying saves the
    rules and lets the assignment run, so that both end in the same tiers.
    """

    _name = "crm.value.tier.simulation"
    _description = "Tier Simulation"

    name = fields.Char(default=lambda self: self.env._("Tier Simulation"), readonly=True)
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company, ondelete="cascade")
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    scheme = fields.Selection(
        selection=lambda self: self.env["crm.value.tier"]._fields["scheme"]._description_selection(self.env),
        string="Set of Tiers", required=True, default=lambda self: self._default_scheme())
    tier_ids = fields.Many2many("crm.value.tier", compute="_compute_tier_ids", context={"active_test": False})
    is_shared = fields.Boolean(compute="_compute_tier_ids")
    line_ids = fields.One2many(
        "crm.value.tier.simulation.line", "simulation_id", string="Tiers",
        compute="_compute_line_ids", store=True, readonly=False)
    criterion_ids = fields.One2many(
        "crm.value.tier.simulation.criterion", "simulation_id", string="Thresholds",
        compute="_compute_line_ids", store=True, readonly=False)
    # the preview
    total = fields.Integer(readonly=True)
    processed = fields.Integer(readonly=True)
    next_partner_key = fields.Integer(readonly=True)
    previewed_rules = fields.Text(readonly=True)
    is_previewed = fields.Boolean(compute="_compute_is_previewed")
    move_count = fields.Integer(readonly=True)
    up_count = fields.Integer(string="Upgrades", readonly=True)
    down_count = fields.Integer(string="Downgrades", readonly=True)
    switch_count = fields.Integer(string="Customers Changing Sets", readonly=True)
    revenue_up = fields.Monetary(string="Revenue of Upgrades", readonly=True)
    revenue_down = fields.Monetary(string="Revenue of Downgrades", readonly=True)
    margin_up = fields.Monetary(string="Margin of Upgrades", readonly=True, groups=MARGIN_GROUP)
    margin_down = fields.Monetary(string="Margin of Downgrades", readonly=True, groups=MARGIN_GROUP)

    @api.model
    def _default_scheme(self):
        tiers = self.env["crm.value.tier"].search([("company_id", "in", [False, self.env.company.id])])
        return tiers[:1].scheme or "standard"

    @api.depends("company_id", "scheme")
    def _compute_tier_ids(self):
        for simulation in self:
            simulation.tier_ids = self.env["crm.value.tier"].with_context(active_test=False).search([
                ("company_id", "in", [False, simulation.company_id.id]), ("scheme", "=", simulation.scheme)])
            simulation.is_shared = not all(tier.company_id for tier in simulation.tier_ids)

    @api.depends("company_id", "scheme")
    def _compute_line_ids(self):
        for simulation in self:
            tiers = simulation.tier_ids
            is_in_use = any(tiers.mapped("active"))
            used = tiers.filtered(lambda tier, is_in_use=is_in_use: tier.active or not is_in_use)
            shares = dict(zip(reversed(used), simulation._pyramid(len(used)), strict=True))
            without = [NO_TIER] if is_in_use else [NO_TIER, OTHER_SET]
            simulation.line_ids = [Command.clear()] + [
                Command.create({"sequence": sequence, "is_used": False}) for sequence in without
            ] + [
                Command.create({
                    "tier_id": tier.id, "sequence": position, "is_used": tier in used,
                    "wished_share": shares.get(tier, 0)})
                for position, tier in enumerate(tiers)]
            simulation.criterion_ids = [Command.clear()] + [
                Command.create({
                    "tier_id": line.tier_id.id, "metric": line.metric, "enter_min": line.enter_min,
                    "keep_min": line.keep_min})
                for line in tiers.criterion_ids]

    @api.depends("previewed_rules", "line_ids.is_used", "criterion_ids.metric", "criterion_ids.tier_id",
                 "criterion_ids.enter_min", "criterion_ids.keep_min")
    def _compute_is_previewed(self):
        for simulation in self:
            simulation.is_previewed = simulation.previewed_rules == simulation._rules_key()

    def _rules_key(self):
        lines = sorted(
            (line.tier_id.id, line.metric or "", line.enter_min, line.keep_min) for line in self.criterion_ids)
        return repr((self.scheme, sorted(self._used_tiers().ids), lines))

    def _used_tiers(self):
        return self.line_ids.filtered("is_used").tier_id.sorted(lambda tier: (tier.sequence, tier.id))

    def _simulated_rules(self):
        tiers = self._used_tiers()
        rules = [
            tier._tier_rule(self.company_id, self.criterion_ids.filtered(lambda line, tier=tier: line.tier_id == tier))
            for tier in tiers]
        tiers._check_conflicts(rules)
        return rules

    # preview

    def action_preview(self):
        """Compute the whole preview and show it.

        :raise ValidationError: the thresholds contradict each other
        """
        progress = self.preview_step(True)
        while progress["processed"] < progress["total"]:
            progress = self.preview_step()
        return self._reopen()

    def preview_step(self, restart=False):
        """Judge the next customers; the web client calls this until all are done, and shows the progress.

        :return: dict ``processed total``
        :raise ValidationError: the thresholds contradict each other
        """
        self.ensure_one()
        self.check_access("write")
        if not self.exists():
            raise MissingError(self.env._("This simulation is over; start a new one."))
        rules = self._simulated_rules()
        if restart:
            self._start_preview()
        # sudo: the figures of every customer count; the wizard is for those who set the rules.
        Value = self.env["crm.value"].sudo()
        count, upper = Value.env["crm.value.observation"]._next_batch(self.company_id, self.next_partner_key, _STEP)
        if count:
            where = SQL("value.partner_id BETWEEN %s AND %s", self.next_partner_key, upper)
            as_of = self.company_id._value_today()
            source = Value.env["crm.value.tier.assignment"]._select_figures(
                self.company_id, as_of, rules, where, also=("revenue_12m", "margin_12m"))
            self._add_up(self.env.execute_query(self._preview(tier_rules.decide(rules, source, as_of))))
            self.write({"processed": self.processed + count, "next_partner_key": upper + 1})
        if not count or self.processed >= self.total:
            self._finish_preview()
        return {"processed": self.processed if count else self.total, "total": self.total}

    def _start_preview(self):
        self.env.cr.execute(SQL("DELETE FROM crm_value_tier_simulation_move WHERE simulation_id = %s", self.id))
        [[total]] = self.env.execute_query(
            SQL("SELECT count(*) FROM crm_value WHERE company_id = %s", self.company_id.id))
        self.line_ids.sudo().write(dict.fromkeys((
            "customers_now", "customers_then", "leaving", "revenue_now", "revenue_then", "margin_now", "margin_then",
        ), 0))
        self.write({"total": total, "processed": 0, "next_partner_key": 0, "previewed_rules": False})
        self.flush_recordset()

    def _preview(self, decision):
        """Return the statement that keeps who moves, and returns sums by tier now and then.

        Columns: tier id now, tier id then, customers, of them in danger, revenue and margin of 12 months.
        """
        return SQL(
            """
            WITH decision AS MATERIALIZED (%(decision)s), moved AS (
                INSERT INTO crm_value_tier_simulation_move
                       (simulation_id, value_id, from_tier_id, to_tier_id, direction, revenue_12m, margin_12m,
                        create_uid, write_uid, create_date, write_date)
                SELECT %(simulation)s, id, tier_id, decided_tier_id,
                       CASE WHEN tier_id IS NOT NULL AND current_level = 0 THEN NULL
                            WHEN decided_level > current_level THEN 'up' ELSE 'down' END, revenue_12m, margin_12m,
                       %(user)s, %(user)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM decision WHERE tier_id IS DISTINCT FROM decided_tier_id
            )
            SELECT tier_id, decided_tier_id, count(*), count(decided_review_date), sum(revenue_12m), sum(margin_12m)
              FROM decision GROUP BY 1, 2
            """, decision=decision, simulation=self.id, user=self.env.uid)

    def _add_up(self, sums):
        """Add the sums of a step to the lines."""
        # sudo: margins are added up for those who may see them.
        lines = {line.tier_id.id or line.sequence: line for line in self.line_ids.sudo()}
        for now_id, then_id, customers, leaving, revenue, margin in sums:
            now = lines.get(now_id or NO_TIER) or lines.get(OTHER_SET) or lines[NO_TIER]
            now.customers_now += customers
            now.revenue_now += float(revenue)
            now.margin_now += float(margin)
            then = lines[then_id or NO_TIER]
            then.customers_then += customers
            then.leaving += leaving
            then.revenue_then += float(revenue)
            then.margin_then += float(margin)

    def _finish_preview(self):
        self.env["crm.value.tier.simulation.move"].invalidate_model()
        sums = {direction: (count, revenue, margin) for direction, count, revenue, margin in self.env.execute_query(SQL(
            """
            SELECT direction, count(*), sum(revenue_12m), sum(margin_12m)
              FROM crm_value_tier_simulation_move WHERE simulation_id = %s GROUP BY 1
            """, self.id))}
        up, down = (sums.get(direction, (0, 0, 0)) for direction in ("up", "down"))
        # sudo: margins are added up for those who may see them.
        self.sudo().write({
            "move_count": sum(count for count, *_money in sums.values()), "up_count": up[0], "down_count": down[0],
            "switch_count": sums.get(None, (0,))[0],
            "revenue_up": up[1], "revenue_down": down[1], "margin_up": up[2], "margin_down": down[2],
            "previewed_rules": self._rules_key(),
        })

    # end

    def action_open_moves(self):
        """Open the customers that would move."""
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_tier_simulation_move_action")
        return action | {"domain": [("simulation_id", "=", self.id)]}

    def action_apply(self):
        """Save the thresholds as rules and decide every customer's tier by them.

        :return: action that tells whether that is done, or is done within minutes
        :raise ValidationError: the thresholds contradict each other
        :raise AccessError: the user may not change tiers
        """
        self.ensure_one()
        self.check_access("write")
        self._simulated_rules()
        self._save_rules()
        company = self.company_id
        self.unlink()
        # sudo: nobody but the machine writes tiers; the rules were saved with the rights of the user.
        value = self.env["crm.value"].sudo().with_company(company)
        message = self.env._("The rules are saved; the tiers follow within minutes.")
        if value.env["crm.value.observation"]._next_batch(company, 0, REQUEST_LIMIT + 1)[0] <= REQUEST_LIMIT:
            with value.env["crm.value.scheduler"]._writer(company) as is_writer:
                if is_writer:
                    value.env["crm.value.tier.assignment"]._assign_company(source="rules")
                    message = self.env._("The rules are saved, and every customer has its tier.")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_tier_action")
        return value._notification(message) | {"params": {
            "message": message, "type": "success", "next": action | {"target": "main"}}}

    def _save_rules(self):
        """Write what differs. Changed tiers are archived meanwhile: only the finished rules are checked together."""
        used = self._used_tiers()
        in_use = self.env["crm.value.tier"].with_context(active_test=True).search(
            [("company_id", "in", [False, self.company_id.id])])
        changed = self.tier_ids.filtered(lambda tier: self._changes(tier))
        ((in_use - used) | (in_use & changed)).active = False
        for tier in changed:
            tier.criterion_ids = self._changes(tier)
        used.filtered(lambda tier: not tier.active).active = True

    def _changes(self, tier):
        """Return the commands that turn the criteria of a tier into those of the simulation."""
        wanted = {line.metric: {"enter_min": line.enter_min, "keep_min": line.keep_min}
                  for line in self.criterion_ids if line.tier_id == tier}
        commands = []
        for criterion in tier.criterion_ids:
            vals = wanted.pop(criterion.metric, None)
            if vals is None:
                commands.append(Command.delete(criterion.id))
            elif any(criterion[name] != number for name, number in vals.items()):
                commands.append(Command.update(criterion.id, vals))
        return commands + [Command.create({"metric": metric, **vals}) for metric, vals in wanted.items()]

    def action_cancel(self):
        """Forget the simulation."""
        self.check_access("unlink")
        self.unlink()
        return self.env["ir.actions.act_window"]._for_xml_id("crm_value_addon.crm_value_tier_action") | {
            "target": "main"}

    def _reopen(self):
        return {
            "type": "ir.actions.act_window", "res_model": self._name, "res_id": self.id, "views": [(False, "form")],
            "name": self.env._("Tier Simulation"), "target": "current",
        }

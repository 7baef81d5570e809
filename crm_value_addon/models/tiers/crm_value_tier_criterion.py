from odoo import Command, api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools.translate import LazyTranslate

from ..refresh.said import Number, to_data, to_text

_lt = LazyTranslate(__name__)


class CrmValueTierCriterion(models.Model):
    """A criterion of a tier: the figure of a customer that it asks for, to enter the tier and to keep it."""

    _name = "crm.value.tier.criterion"
    _description = "Loyalty Tier Criterion"
    _order = "tier_id, id"
    _rec_name = "metric"

    tier_id = fields.Many2one("crm.value.tier", required=True, ondelete="cascade", index=True)
    metric = fields.Selection(selection="_selection_metric", required=True)
    enter_min = fields.Float(
        string="To Enter",
        digits=(16, 2),
        help="This figure or more gives the tier. Amounts are in the currency of the company.",
    )
    keep_min = fields.Float(
        string="To Keep", digits=(16, 2), help="Customers with the tier keep it down to this figure."
    )

    _tier_metric_uniq = models.Constraint("UNIQUE(tier_id, metric)", "A tier uses each metric once.")

    @api.model
    def _selection_metric(self):
        Metric = self.env["crm.value.tier.metric"]
        return [(name, Metric._label(name)) for name in Metric._names()]

    @api.constrains("tier_id", "metric", "enter_min", "keep_min")
    def _check_rules(self):
        for criterion in self:
            self._check_metric(criterion.metric)
            if criterion.metric == "value_percentile" and not 0 <= criterion.enter_min <= 100:
                raise ValidationError(
                    self.env._(
                        "%(tier)s, line “%(line)s”: a percentile lies between 0 and 100.",
                        tier=criterion.tier_id.name,
                        line=criterion.display_name,
                    )
                )
        if not self.env["crm.value.tier"]._is_being_written():
            self.tier_id._check_rules()

    @api.depends("metric", "enter_min", "keep_min")
    def _compute_display_name(self):
        for criterion in self:
            criterion.display_name = self._describe(criterion)

    @api.onchange("enter_min")
    def _onchange_enter_min(self):
        if self.keep_min > self.enter_min or not self.keep_min:
            self.keep_min = self.enter_min

    @api.model_create_multi
    def create(self, vals_list):
        criteria = super().create(
            [{**vals, "keep_min": vals.get("keep_min", vals.get("enter_min", 0.0))} for vals in vals_list]
        )
        self._apply_to(criteria.tier_id)
        return criteria

    def write(self, vals):
        tiers = self.tier_id
        result = super().write(vals)
        self._apply_to(tiers | self.tier_id)
        return result

    def unlink(self):
        tiers = self.tier_id
        result = super().unlink()
        self._apply_to(tiers)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_keep_rules_valid(self):
        if not self.env["crm.value.tier"]._is_being_written():
            self.tier_id._check_rules(without=self)

    @api.model
    def _check_metric(self, name):
        """Refuse an unknown metric, because Odoo does not check the values of a computed selection.

        :raise ValidationError: there is no such metric
        """
        if name not in dict(self._selection_metric()):
            raise ValidationError(self.env._("There is no metric called %(name)s for tiers.", name=name))

    @api.model
    def _prepare_copies(self, criteria):
        """Return the commands that copy criteria of tiers, of a simulation or of planned rules to one of these."""
        return [
            Command.create(
                {
                    "tier_id": criterion.tier_id.id,
                    "metric": criterion.metric,
                    "enter_min": criterion.enter_min,
                    "keep_min": criterion.keep_min,
                }
            )
            for criterion in criteria
        ]

    @api.model
    def _describe(self, criterion):
        """Return a criterion in words: a record, or a `Criterion` of models/tiers/tier_rules.py."""
        return to_text(self.env, to_data(self._said(criterion)))

    @api.model
    def _said(self, criterion):
        """Return a criterion as a sentence that can be stored (see models/refresh/said.py)."""
        figure = self.env["crm.value.tier.metric"]._said(criterion.metric) if criterion.metric else ""
        enter, keep = Number(criterion.enter_min), Number(criterion.keep_min)
        if round(enter.number, 2) == round(keep.number, 2):
            return _lt("%(figure)s from %(enter)s", figure=figure, enter=enter)
        return _lt("%(figure)s from %(enter)s, kept down to %(keep)s", figure=figure, enter=enter, keep=keep)

    @api.model
    def _apply_to(self, tiers):
        """Let changed criteria of these tiers count: for orders, which read cached rules, and for all customers."""
        self.env.registry.clear_cache()
        tiers._request_pass(tiers._companies())

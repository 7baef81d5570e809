from odoo import fields, models

from ..const import MARGIN_GROUP


class CrmValueTierSimulationFigure(models.TransientModel):
    """The figures that a customer would have if something else counted, where they differ from those it has."""

    _name = "crm.value.tier.simulation.figure"
    _description = "Tier Simulation: Figures of a Customer"
    _rec_name = "value_id"

    simulation_id = fields.Many2one("crm.value.tier.simulation", required=True, ondelete="cascade", index=True)
    value_id = fields.Many2one("crm.value", string="Customer", required=True, readonly=True, ondelete="cascade")
    figures = fields.Json(readonly=True, groups=MARGIN_GROUP, help="Metric → number")

from odoo import api, fields, models

from .said import to_data, to_text


class CrmValueRunSkipped(models.Model):
    """A customer that a refresh left out, and why.

    The key is a plain integer, as in the queue: the reason may be that the contact has just been deleted.
    """

    _name = "crm.value.run.skipped"
    _description = "Customer Left Out of a Refresh"
    _log_access = False
    _order = "id desc"
    _rec_name = "run_id"

    run_id = fields.Many2one("crm.value.run", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="run_id.company_id")
    finished_at = fields.Datetime(related="run_id.finished_at")
    partner_key = fields.Integer(string="Contact ID", required=True, readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", compute="_compute_partner_id")
    note = fields.Json(required=True, readonly=True, help="Why, in no language yet")
    reason = fields.Text(compute="_compute_reason")

    @api.model
    def _add(self, run, skipped):
        """Record who was left out by a run.

        :param list skipped: pairs (partner id, reason: a sentence or words, see said.py)
        """
        self.create(
            [{"run_id": run.id, "partner_key": partner_id, "note": to_data(reason)} for partner_id, reason in skipped]
        )

    @api.depends("partner_key")
    def _compute_partner_id(self):
        existing = set(self.env["res.partner"].browse(self.mapped("partner_key")).exists().ids)
        for line in self:
            line.partner_id = line.partner_key if line.partner_key in existing else False

    @api.depends("note")
    @api.depends_context("lang")
    def _compute_reason(self):
        for line in self:
            line.reason = line.note and to_text(self.env, line.note)

from odoo import api, fields, models
from odoo.tools import SQL, formatLang

from ...lib.postgres.binary_copy import id_array


class CrmValueCaution(models.Model):
    """The caution flag of a customer: raised by limits after each refresh, lifted or set by a manager's word.

    The codes of the reasons are stored, in the order of `_caution_conditions`; the words come with the reader's
    language.
    """

    _inherit = "crm.value"

    caution = fields.Boolean(readonly=True, index="btree_not_null", help="Handle with care: see the reason")
    caution_codes = fields.Char(readonly=True)
    caution_reason = fields.Char(compute="_compute_caution_reason")
    caution_override_ids = fields.One2many("crm.value.caution.override", "value_id", string="Manual Caution Flags")
    caution_override_id = fields.Many2one("crm.value.caution.override", compute="_compute_caution_override_id")

    @api.depends("caution_override_ids.active", "caution_override_ids.until")
    def _compute_caution_override_id(self):
        for value in self:
            today = value.company_id._value_today() if value.company_id else fields.Date.today()
            value.caution_override_id = value.caution_override_ids.filtered(
                lambda word, today=today: word.active and (not word.until or word.until >= today))[:1]

    @api.depends("caution", "caution_codes", "caution_override_id")
    @api.depends_context("lang")
    def _compute_caution_reason(self):
        for value in self:
            word = value.caution_override_id
            value.caution_reason = word.reason if word else ", ".join(filter(None, map(
                value._caution_text, (value.caution_codes or "").split()))) or False

    def _caution_text(self, code):
        self.ensure_one()
        company = self.company_id.sudo()
        if code == "returns":
            return self.env._("%(amount)s given back", amount=formatLang(
                self.env, self.refund_total, currency_obj=self.currency_id))
        if code == "overdue":
            return self.env._("overdue for more than %(days)s days", days=company.value_caution_overdue_days)
        # the realised value itself is not for everybody
        return self.env._("realised value below the limit") if code == "loss" else ""

    def _after_store(self, company, as_of, partner_ids):
        super()._after_store(company, as_of, partner_ids)
        if len(partner_ids) and (self._caution_conditions(company, as_of) or self._has_caution(company)):
            self._flag_caution(company, as_of, SQL(
                "value.partner_id BETWEEN %s AND %s AND value.partner_id = ANY(%s::int[])",
                int(partner_ids[0]), int(partner_ids[-1]), id_array(partner_ids)))

    @api.model
    def _has_caution(self, company):
        """Tell whether a flag was ever raised, or is set by hand, in a company: without limits, only these change."""
        # ORDER BY: while a first refresh fills the table, the planner would read all of it for each batch.
        [[found]] = self.env.execute_query(SQL(
            """SELECT (SELECT caution FROM crm_value WHERE company_id = %s AND caution IS NOT NULL
                        ORDER BY caution LIMIT 1) IS NOT NULL
                   OR EXISTS (SELECT FROM crm_value_caution_override word
                                JOIN crm_value value ON value.id = word.value_id WHERE value.company_id = %s)""",
            company.id, company.id))
        return found

    @api.model
    def _flag_caution(self, company, as_of, where):
        """Raise and lift the flags of some customers of a company; write what differs."""
        conditions = self._caution_conditions(company, as_of)
        codes = SQL("NULLIF(concat_ws(' ', %s), '')", SQL(", ").join(
            SQL("CASE WHEN %s THEN %s END", condition, code) for code, condition in conditions.items())) \
            if conditions else SQL("NULL::varchar")
        self.env.flush_all()
        self.env.cr.execute(SQL(
            """
            UPDATE crm_value value SET caution = judged.caution, caution_codes = judged.codes
              FROM (SELECT value.id, %(codes)s AS codes, CASE WHEN word.id IS NULL THEN %(codes)s IS NOT NULL
                            ELSE COALESCE(word.caution, FALSE) END AS caution
                      FROM crm_value value
                      LEFT JOIN crm_value_caution_override word
                             ON word.value_id = value.id AND word.active
                            AND (word.until IS NULL OR word.until >= %(as_of)s)
                     WHERE value.company_id = %(company)s AND %(where)s) judged
             WHERE value.id = judged.id
               AND (COALESCE(value.caution, FALSE), value.caution_codes) IS DISTINCT FROM (judged.caution, judged.codes)
            """,
            codes=codes, as_of=as_of, company=company.id, where=where))
        self.invalidate_model(["caution", "caution_codes", "caution_reason"])

    @api.model
    def _caution_conditions(self, company, as_of):
        """Return the conditions on a row of ``value`` that raise the flag, by code; only those that are in use."""
        conditions = {}
        if company.value_caution_return_rate:
            conditions["returns"] = SQL(
                "value.refund_total > %s * (value.revenue_total + value.refund_total)",
                company.value_caution_return_rate)
        if company.value_caution_overdue_days:
            conditions["overdue"] = SQL(
                """value.overdue_amount > 0 AND EXISTS (
                   SELECT FROM account_move_line line
                     JOIN account_move move ON move.id = line.move_id
                     JOIN account_account account ON account.id = line.account_id
                    WHERE move.commercial_partner_id = value.partner_id AND line.company_id = value.company_id
                      AND line.parent_state = 'posted' AND line.reconciled IS NOT TRUE AND line.amount_residual > 0
                      AND account.account_type = 'asset_receivable' AND line.date_maturity < %s::date - %s)""",
                as_of, company.value_caution_overdue_days)
        if company.value_caution_loss:
            conditions["loss"] = SQL("value.realised_value < %s", -company.value_caution_loss)
        return conditions

    @api.model
    def _pause_fields(self):
        return [*super()._pause_fields(), "caution"]

    def _pause_reason(self, company):
        reason = super()._pause_reason(company)
        if not reason and company.sudo().value_pause_caution and self.caution:
            return self.env._("The benefits of %(tier)s pause: the customer is cautioned (%(reason)s).",
                              tier=self.tier_id.name, reason=self.caution_reason or "")
        return reason

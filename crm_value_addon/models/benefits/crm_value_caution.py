from odoo import api, models
from odoo.tools import SQL, formatLang

from ...lib.postgres.binary_copy import id_array


class CrmValueCaution(models.AbstractModel):
    """The caution flag of a customer: limits raise it after each refresh, a manager's override sets or lifts it.

    How to use: a refresh calls `_flag_stored`, an override calls `_flag`; `_describe` returns the reason in words.

    How it works: the row stores the codes of the reasons, in the order of `_conditions`; the texts follow the reader's
    language.
    """

    _name = "crm.value.caution"
    _description = "Customer Value: Caution Flags"

    @api.model
    def _flag_stored(self, basis, partner_ids):
        """Raise and lift the flags of customers whose figures were just stored.

        :param partner_ids: int array of shape (n,), sorted
        """
        company, as_of = basis.company, basis.as_of
        if len(partner_ids) and (self._conditions(company, as_of) or self._has_flags(company)):
            self._flag(
                company,
                as_of,
                SQL(
                    "value.partner_id BETWEEN %s AND %s AND value.partner_id = ANY(%s::int[])",
                    int(partner_ids[0]),
                    int(partner_ids[-1]),
                    id_array(partner_ids),
                ),
            )

    @api.model
    def _has_flags(self, company):
        """Tell whether a company ever had a flag, or has an override; without limits, nothing else can change."""
        # ORDER BY: without it, the planner reads the whole table for each batch of a first refresh
        [[found]] = self.env.execute_query(
            SQL(
                """SELECT (SELECT caution FROM crm_value WHERE company_id = %s AND caution IS NOT NULL
                        ORDER BY caution LIMIT 1) IS NOT NULL
                   OR EXISTS (SELECT FROM crm_value_caution_override override
                                JOIN crm_value value ON value.id = override.value_id WHERE value.company_id = %s)""",
                company.id,
                company.id,
            )
        )
        return found

    @api.model
    def _flag(self, company, as_of, where):
        """Raise and lift the flags of some customers of a company; write what differs."""
        conditions = self._conditions(company, as_of)
        codes = (
            SQL(
                "NULLIF(concat_ws(' ', %s), '')",
                SQL(", ").join(
                    SQL("CASE WHEN %s THEN %s END", condition, code) for code, condition in conditions.items()
                ),
            )
            if conditions
            else SQL("NULL::varchar")
        )
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
            UPDATE crm_value value SET caution = decided.caution, caution_codes = decided.codes
              FROM (SELECT value.id, %(codes)s AS codes, CASE WHEN override.id IS NULL THEN %(codes)s IS NOT NULL
                            ELSE COALESCE(override.caution, FALSE) END AS caution
                      FROM crm_value value
                      LEFT JOIN crm_value_caution_override override
                             ON override.value_id = value.id AND override.active
                            AND (override.until IS NULL OR override.until >= %(as_of)s)
                     WHERE value.company_id = %(company)s AND %(where)s) decided
             WHERE value.id = decided.id
               AND (COALESCE(value.caution, FALSE), value.caution_codes)
                   IS DISTINCT FROM (decided.caution, decided.codes)
            """,
                codes=codes,
                as_of=as_of,
                company=company.id,
                where=where,
            )
        )
        self.env["crm.value"].invalidate_model(["caution", "caution_codes", "caution_reason"])

    @api.model
    def _conditions(self, company, as_of):
        """Return the conditions on a row of ``value`` that raise the flag, by code; only those that are in use."""
        conditions = {}
        if company.value_caution_return_rate:
            conditions["returns"] = SQL(
                "value.refund_total > %s * (value.revenue_total + value.refund_total)",
                company.value_caution_return_rate,
            )
        if company.value_caution_overdue_days:
            conditions["overdue"] = SQL(
                # credits pay the oldest documents first: what is older than the limit exceeds them
                """value.overdue_amount > 0 AND value.overdue_amount > (
                   SELECT COALESCE(sum(line.amount_residual), 0) FROM account_move_line line
                     JOIN account_move move ON move.id = line.move_id
                     JOIN account_account account ON account.id = line.account_id
                    WHERE move.commercial_partner_id = value.partner_id AND line.company_id = value.company_id
                      AND line.parent_state = 'posted' AND line.reconciled IS NOT TRUE AND line.amount_residual > 0
                      AND move.move_type IN ('out_invoice', 'out_refund', 'out_receipt')
                      AND account.account_type = 'asset_receivable'
                      AND line.date_maturity >= %(as_of)s::date - %(days)s AND line.date_maturity < %(as_of)s)""",
                as_of=as_of,
                days=company.value_caution_overdue_days,
            )
        if company.value_caution_loss:
            conditions["loss"] = SQL("value.realised_value < %s", -company.value_caution_loss)
        evaluated = self.env["crm.value.opt.out"]._where_evaluated("value")
        return {code: SQL("%s AND %s", condition, evaluated) for code, condition in conditions.items()}

    # in words

    @api.model
    def _describe(self, value):
        """Return why a customer is cautioned, in words, or False."""
        override = value.caution_override_id
        return (
            override.reason
            if override
            else ", ".join(
                filter(None, (self._describe_code(value, code) for code in (value.caution_codes or "").split()))
            )
            or False
        )

    @api.model
    def _describe_code(self, value, code):
        company = value.company_id.sudo()  # sudo: the reason names the limit
        if code == "returns":
            return self.env._(
                "%(amount)s given back", amount=formatLang(self.env, value.refund_total, currency_obj=value.currency_id)
            )
        if code == "overdue":
            return self.env._("overdue for more than %(days)s days", days=company.value_caution_overdue_days)
        # the amount is left out, because not everybody may see it
        return self.env._("realised value below the limit") if code == "loss" else ""

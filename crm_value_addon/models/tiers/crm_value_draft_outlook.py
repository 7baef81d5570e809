from odoo import api, models
from odoo.tools import SQL


class CrmValue(models.Model):
    """What a draft document does to its customer: the refresh's own arithmetic, with its rows added."""

    _inherit = "crm.value"

    @api.model
    def _of_customer(self, company, partner):
        return self.search([("company_id", "=", company.id), ("partner_id", "=", partner.id)], limit=1)

    def _with_draft(self, company, draft):
        """Return the figures of this customer, and its tier, as they will be once a draft document is posted today.

        :return: dict by the names of the fields; None when the customer cannot be estimated
        """
        self.ensure_one()
        as_of = company._value_today()
        value = self.with_context(value_draft=self._draft_rows(company, as_of, draft))
        history = value._history(company, as_of, self.partner_id.ids)
        history.pop("unfrozen")
        frame, skipped = value._estimate_each(company, as_of, history)
        if skipped or not len(frame["partner_id"]):
            return None
        frame = value._rank(company, as_of, frame, self.env["crm.value.run"]._last_boundaries(company))
        figures = self._figures_of(company, as_of, frame)
        return figures | {"tier_id": self._decide_merged(company, as_of, self.partner_id, figures)}

    @api.model
    def _draft_rows(self, company, as_of, draft):
        """Return the rows that a draft will add to the purchases (see `crm.value.purchase._sources`)."""
        draft.env.flush_all()
        Document = self.env["crm.value.document"].with_context(value_unposted=draft.id)
        [[margin, is_down_payment, purchase_revenue]] = self.env.execute_query(SQL(
            """SELECT round(sum(revenue - cost)::numeric, %(decimals)s), bool_and(is_downpayment),
                      COALESCE(round(sum(revenue) FILTER (WHERE NOT is_downpayment), %(decimals)s), 0)
                 FROM (%(lines)s) line""", decimals=company.currency_id.decimal_places,
            lines=Document._select_lines(company, SQL("= %s", draft.id), 2)))
        day, origin = draft.invoice_date or as_of, draft.reversed_entry_id
        key = (self.partner_id.id, company.id)
        rows = [(draft.id, *key, day, draft.amount_untaxed_signed, margin or 0, -draft.amount_untaxed_signed, 0)]
        if origin.state == "posted" and not is_down_payment and origin.commercial_partner_id:
            rows.append((None, *key, origin.invoice_date, 0, 0, 0, purchase_revenue or 0))
        return tuple(rows)

from collections import Counter

from odoo import api, fields, models
from odoo.tools import SQL

from ...const import MARGIN_GROUP

#: products shown at once; a few more are stored for when some fall away
SHOWN = 3


class CrmValueSuggestion(models.Model):
    """A product that a customer does not buy yet and may want next, and why.

    How it works: `crm.value.recommender.fit` writes them once a week, best first. What the customer has bought since,
    or somebody dismissed, is not shown any more; the next week's fit counts it and makes room.
    """

    _name = "crm.value.suggestion"
    _description = "Suggested Product"
    _log_access = False
    _order = "partner_id, rank, id"
    _rec_name = "product_tmpl_id"

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", readonly=True)
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id", string="Currency")
    value_id = fields.Many2one("crm.value", ondelete="cascade", index="btree_not_null", readonly=True)
    product_tmpl_id = fields.Many2one(
        "product.template", string="Product", required=True, ondelete="cascade", index=True, readonly=True
    )
    product_id = fields.Many2one(related="product_tmpl_id.product_variant_id", string="Variant")
    rank = fields.Integer(readonly=True, aggregator=None, help="1 is the best")
    share = fields.Float(
        readonly=True, aggregator="avg", help="Of those who buy the same products, so many buy this one, too"
    )
    because_id = fields.Many2one("product.template", string="Because of", ondelete="set null", readonly=True)
    because_also_id = fields.Many2one("product.template", string="And of", ondelete="set null", readonly=True)
    expected_margin = fields.Monetary(
        readonly=True,
        groups=MARGIN_GROUP,
        help="What its buyers bring with it in a year, times the share of those who buy the same and buy it, too",
    )
    date = fields.Date(string="Suggested on", readonly=True)
    state = fields.Selection(
        [("open", "Suggested"), ("bought", "Bought since"), ("dismissed", "Dismissed")], default="open", readonly=True
    )
    is_control = fields.Boolean(
        string="Control Group", readonly=True, help="Chosen among the best sellers, to compare with"
    )
    reason = fields.Char(compute="_compute_reason")

    _partner_idx = models.Index("(partner_id, company_id, rank) WHERE state = 'open'")
    _company_idx = models.Index("(company_id, state)")

    @api.depends("share", "because_id", "because_also_id")
    @api.depends_context("lang")
    def _compute_reason(self):
        # sudo: the names of products that the customer buys, of whichever company
        for suggestion in self.sudo():
            texts = {
                "share": round(100 * suggestion.share),
                "first": suggestion.because_id.name,
                "second": suggestion.because_also_id.name,
            }
            if suggestion.because_also_id:
                reason = self.env._("%(share)s %% of those who buy %(first)s and %(second)s buy it", **texts)
            elif suggestion.because_id:
                reason = self.env._("%(share)s %% of those who buy %(first)s buy it", **texts)
            else:
                reason = self.env._("%(share)s %% of the customers of this segment buy it", **texts)
            suggestion.reason = reason

    def action_add(self):
        """Put the product on an order: the one of the form, else the customer's latest open quotation or a new one.

        :raise AccessError: the user may not read the suggestion, or write the order
        """
        self.ensure_one()
        self.check_access("read")
        Offer = self.env["crm.value.product.offer"]
        order = self.env["sale.order"].browse(self.env.context.get("order_id")).exists()
        order = order or Offer._open_quotation(self.partner_id, self.company_id)
        Offer._add(order, self.product_id)
        return False if self.env.context.get("order_id") else Offer._action_order(order)

    @api.model
    def _open_for(self, partners, company, without=(), pricelist=None):
        """Return what to show customers now, at most three products each, best first.

        Left out is what cannot be sold any more, and what the customer has bought, or somebody dismissed, since.

        :param without: ids of product templates that the customers have before them already
        :param pricelist: leave out what this one does not sell (see `crm.value.product.assortment`)
        """
        self.flush_model()
        self.env["crm.value.dismissal"].flush_model()
        self.env["product.template"].flush_model(["active", "sale_ok", "company_id"])
        rows = self.env.execute_query(
            SQL(
                """
            SELECT suggestion.id, suggestion.partner_id, suggestion.product_tmpl_id
              FROM crm_value_suggestion suggestion
              JOIN product_template template ON template.id = suggestion.product_tmpl_id
             WHERE suggestion.partner_id = ANY(%(partners)s) AND suggestion.company_id = %(company)s
               AND suggestion.state = 'open' AND template.active AND template.sale_ok
               AND COALESCE(template.company_id, suggestion.company_id) = suggestion.company_id
               AND NOT suggestion.product_tmpl_id = ANY(%(without)s)
               AND NOT EXISTS (SELECT FROM crm_value_dismissal dismissal
                                WHERE dismissal.partner_id = suggestion.partner_id
                                  AND dismissal.company_id = suggestion.company_id
                                  AND dismissal.product_tmpl_id = suggestion.product_tmpl_id)
               AND NOT EXISTS (SELECT FROM crm_value_product bought
                                WHERE bought.partner_id = suggestion.partner_id
                                  AND bought.company_id = suggestion.company_id
                                  AND bought.product_tmpl_id = suggestion.product_tmpl_id)
             ORDER BY suggestion.rank, suggestion.id
            """,
                partners=partners.ids,
                company=company.id,
                without=list(without),
            )
        )
        withheld = set()
        if pricelist and rows:
            withheld = self.env["crm.value.product.assortment"]._withheld(company, pricelist, [row[2] for row in rows])
        shown, counts = [], Counter()
        for row_id, partner_id, template_id in rows:
            if counts[partner_id] < SHOWN and (pricelist and pricelist.id, template_id) not in withheld:
                counts[partner_id] += 1
                shown.append(row_id)
        return self.browse(shown)

    @api.model
    def _forget(self, partner_ids):
        """Delete the suggestions for customers, in all companies, whoever asks."""
        # sudo: nobody may write them; the next fit makes new ones for whoever may be evaluated.
        self.sudo().search([("partner_id", "in", list(partner_ids))]).unlink()

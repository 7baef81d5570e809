from odoo import api, models
from odoo.tools import format_date, formatLang


class CrmValueDocumentText(models.AbstractModel):
    """What a document counted as for its customer, and why, in a sentence."""

    _name = "crm.value.document.text"
    _description = "Roles of Documents: Texts"

    @api.model
    def _set_reasons(self, documents):
        """Fill the reason of frozen documents."""
        Origin = self.env["crm.value.document.origin"]
        links = Origin.search([("move_id", "in", documents.move_id.ids)]).grouped("move_id")
        for document in documents:
            document.role_reason = self._describe(document, links.get(document.move_id, Origin))
            document.counting_reason = self._describe_counting(document)

    @api.model
    def _describe_counting(self, document):
        """Return in a sentence what of a document does not count for tiers, and why; False where all does."""
        journal = document.move_id.journal_id
        if journal.value_counting != "counts":
            return self.env._("Nothing counts: the journal %(journal)s holds no sales", journal=journal.name)
        words = []
        marks = {
            "value_no_purchase": self.env._("no purchase: %(products)s"),
            "value_not_for_tiers": self.env._("not for tiers: %(products)s"),
        }
        templates = document.move_id.invoice_line_ids.product_id.product_tmpl_id
        for name, words_of in marks.items():
            marked = templates.filtered(
                lambda template, name=name: template.id in self.env["crm.value.counting"]._template_ids(name)
            )
            if marked:
                words.append(words_of % {"products": ", ".join(marked.mapped("name"))})
        if document.company_id.value_tiers_count == "paid" and document.move_id.amount_residual:
            amount = formatLang(self.env, document.move_id.amount_residual, currency_obj=document.move_id.currency_id)
            words.append(self.env._("%(amount)s is not paid", amount=amount))
        return "; ".join(words) or False

    @api.model
    def _describe(self, document, links):
        """Return why a document has its role, False for one that has none yet.

        :param links: its rows of `crm.value.document.origin`
        """
        amount = formatLang(self.env, abs(document.purchase_revenue), currency_obj=document.currency_id)
        if document.role == "purchase":
            return self.env._("A purchase of %(amount)s, advances left out", amount=amount)
        if document.role == "advance":
            return self.env._("Down payment, gift card or eWallet only: neither a purchase nor given back")
        if document.role == "none":
            return self.env._("Nothing is bought or given back on balance")
        names = ", ".join(links.counted_id.mapped("name"))
        if document.role == "return":
            return (
                self.env._("%(amount)s given back of %(documents)s", amount=amount, documents=names)
                if names
                else self.env._("%(amount)s given back, of no document that is known", amount=amount)
            )
        replacing = links.filtered("replaced_id")
        if replacing:
            return self.env._(
                "Invoiced anew in place of %(document)s: counts on %(day)s",
                document=replacing.replaced_id.name,
                day=format_date(self.env, replacing.origin_id.invoice_date or replacing.origin_id.date),
            )
        undone = links.filtered("refund")
        if undone:
            return self.env._(
                "%(amount)s of what %(document)s gave back is undone", amount=amount, document=undone.counted_id.name
            )
        if document.role == "correction":
            return (
                self.env._("%(document)s was credited and invoiced anew: nothing was given back", document=names)
                if names
                else self.env._("This document and the one that reverses it cancel each other")
            )
        return False

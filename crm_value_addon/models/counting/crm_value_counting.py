from contextlib import contextmanager
from dataclasses import dataclass, field

from odoo import api, models
from odoo.tools import SQL, ormcache

#: fields that say what a product counts as, on products and on categories; a category's place matters, too
_OF_PRODUCTS = ("value_no_purchase", "value_not_for_tiers", "categ_id", "parent_id")
#: where the transaction keeps a supposition: no caller can set it, as it could set a context
_SUPPOSED = "crm_value_addon.supposed_counting"


@dataclass(frozen=True)
class Supposition:
    """What would count: journals by what they are, products by their mark."""

    #: value of `account.journal.value_counting` → ids of journals
    journals: dict = field(default_factory=dict)
    #: value_no_purchase, value_not_for_tiers → ids of product templates
    templates: dict = field(default_factory=dict)


class CrmValueCounting(models.AbstractModel):
    """What counts: which journals, products and categories are left out, of what.

    How to use: `crm.value.purchase` leaves out the documents of `_journal_ids`; `crm.value.line.kind` asks
    `_template_ids` for the products that are no purchase, or have no weight for tiers.

    A question "what if" asks them within `_suppose`, as if other settings held.

    How it works: a journal is left out whenever documents are read. What a product counts as is frozen with a document,
    so that a change asks for a refresh of all customers which first records the documents with such products again
    (`_recount`); their margins stay as they were frozen. Tiers move by that refresh as by a change of rules.
    """

    _name = "crm.value.counting"
    _description = "What Counts"

    @api.model
    @contextmanager
    def _suppose(self, supposition):
        """Let other settings hold for what is read in this transaction meanwhile, and nowhere else."""
        cache = self.env.cr.cache
        cache[_SUPPOSED] = supposition
        try:
            yield
        finally:
            del cache[_SUPPOSED]

    @api.model
    def _journal_ids(self, kinds):
        """Return the ids of the journals that count as one of these.

        :param tuple kinds: values of `account.journal.value_counting`
        """
        supposed = self.env.cr.cache.get(_SUPPOSED)
        if supposed:
            return tuple(journal_id for kind in kinds for journal_id in supposed.journals.get(kind, ()))
        return self._stored_journal_ids(kinds)

    @api.model
    @ormcache("kinds")
    def _stored_journal_ids(self, kinds):
        # sudo: it decides the same for everybody
        journals = self.env["account.journal"].sudo().with_context(active_test=False)
        return tuple(journals.search([("value_counting", "in", kinds)]).ids)

    @api.model
    def _template_ids(self, name):
        """Return the ids of the products with a mark, by themselves or by their category.

        :param str name: value_no_purchase or value_not_for_tiers
        """
        supposed = self.env.cr.cache.get(_SUPPOSED)
        return supposed.templates.get(name, ()) if supposed else self._stored_template_ids(name)

    @api.model
    @ormcache("name")
    def _stored_template_ids(self, name):
        # sudo: it decides the same for everybody
        marked = self.env["product.category"].sudo().search([(name, "=", True)])
        products = self.env["product.template"].sudo().with_context(active_test=False).search([(name, "=", True)])
        return self._templates_of(products, marked)

    @api.model
    def _templates_of(self, products, categories):
        """Return the ids of these products and of those of these categories, archived ones included, sorted."""
        # sudo: it decides the same for everybody
        templates = self.env["product.template"].sudo().with_context(active_test=False)
        found = templates.search(["|", ("id", "in", products.ids), ("categ_id", "child_of", categories.ids)])
        return tuple(sorted(found.ids))

    @api.model
    def _on_journals(self, companies):
        """Let all customers of some companies be refreshed, by new rules, after a change of their journals."""
        self.env.registry.clear_cache()
        for company in companies:
            self.env["crm.value.run"]._request(company, new_rules=True, cause="counting")

    @api.model
    @contextmanager
    def _watch(self, vals):
        """Let documents be recorded again where products meanwhile change what they count as.

        :param vals: what is written on products or categories; nothing is asked where none of it matters
        """
        if not set(_OF_PRODUCTS).intersection(vals):
            yield
            return
        marks = ("value_no_purchase", "value_not_for_tiers")
        before = {name: set(self._template_ids(name)) for name in marks}
        yield
        self.env.flush_all()
        self.env.registry.clear_cache()
        changed = set().union(*(before[name] ^ set(self._template_ids(name)) for name in marks))
        if changed:
            self._request_recount(sorted(changed))

    @api.model
    def _request_recount(self, template_ids):
        """Let the documents with some products be recorded again, where a company has any."""
        # sudo: products are shared by companies
        for company in self.env["res.company"].sudo().browse(sorted(self._sellers_of(template_ids))):
            self.env["crm.value.run"]._request(company, new_rules=True, cause="counting", recount=template_ids)

    @api.model
    def _sellers_of(self, template_ids):
        """Hook: return the ids of the companies that ever sold one of these products."""
        rows = self.env.execute_query(
            SQL(
                """
            SELECT company.id FROM res_company company
             WHERE EXISTS (SELECT FROM product_product product
                             JOIN account_move_line line ON line.product_id = product.id
                            WHERE product.product_tmpl_id = ANY(%s) AND line.company_id = company.id
                              AND line.parent_state = 'posted')
            """,
                template_ids,
            )
        )
        return {company_id for [company_id] in rows}

    @api.model
    def _on_new_products(self, templates):
        """Know new products by their marks; no document has them yet."""
        if any(template.value_no_purchase or template.value_not_for_tiers for template in templates) or any(
            self._template_ids(name) for name in ("value_no_purchase", "value_not_for_tiers")
        ):
            self.env.registry.clear_cache()

    @api.model
    def _recount(self, company, template_ids, checkpoint):
        """Record again what the documents with some products come to, in batches; their margins stay.

        :param checkpoint: callable without arguments, called after each batch; it may commit
        """
        Document = self.env["crm.value.document"]
        self.env.flush_all()
        for condition in Document._batches(company):
            moves = SQL(
                """IN (SELECT line.move_id FROM account_move_line line
                         JOIN product_product product ON product.id = line.product_id
                        WHERE product.product_tmpl_id = ANY(%s) AND line.company_id = %s AND line.move_id %s)""",
                list(template_ids),
                company.id,
                condition,
            )
            if Document._recount(company, moves):
                self.env["crm.value.document.role"]._settle_changed(company, moves, is_bulk=True)
            checkpoint()

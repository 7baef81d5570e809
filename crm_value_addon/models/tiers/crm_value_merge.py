from datetime import date

from odoo import api, models
from odoo.addons.account.models.account_move import BYPASS_LOCK_CHECK
from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

from ...const import POSTED_DOCUMENTS
from ...lib.columns import take
from ..refresh.basis import Basis
from ..refresh.said import to_data
from . import tier_rules

_lt = LazyTranslate(__name__)


class CrmValueMerge(models.AbstractModel):
    """Makes one value of several: of contacts that are merged, and of a contact that joins another customer.

    How to use: `_preview` for the dialog that asks whether to merge. For a merge, `_merge_customers` before Odoo merges
    the contacts and `_finish` when it is done. For a contact that gets another commercial partner, `_before_move` and
    `_move`.

    How it works: a value is tied to its documents, so that it goes where Odoo hands them over. The value that remains
    keeps the highest tier and one lock; what a customer has only one of is settled first (`crm.value.merge.rows`), and
    Odoo's own merge hands over every other record that refers to the values. The next refresh decides the tier as
    *merge*, silently (see `crm.value.tier.assignment._set_cause`). A preview computes the customers as one (see
    `Basis`).
    """

    _name = "crm.value.merge"
    _description = "Customer Value: Merge"

    # merged contacts

    @api.model
    def _customer_then(self, src_partners, dst_partner):
        """Return the commercial partner of the destination once contacts are merged into it.

        Odoo lets it take over a parent, and that it is a company, where it has none and is none.
        """
        parent = dst_partner.parent_id or src_partners.parent_id[-1:]
        is_company = any((src_partners | dst_partner).mapped("is_company"))
        return dst_partner if is_company or not parent or parent == dst_partner else parent.commercial_partner_id

    @api.model
    def _customers(self, src_partners, dst_partner):
        """Return the commercial partners whose values become one when contacts are merged."""
        merged = src_partners | dst_partner
        customers = merged.filtered(lambda partner: partner.commercial_partner_id == partner)
        return customers | self._customer_then(src_partners, dst_partner)

    @api.model
    def _merge_customers(self, src_partners, dst_partner):
        """Make one value, in each company, of those of contacts that are about to be merged."""
        customer = self._customer_then(src_partners, dst_partner)
        self._join(self._customers(src_partners, dst_partner), customer, src_partners | dst_partner)

    @api.model
    def _finish(self, partner):
        """Refresh the customer of a contact into which others were merged."""
        self._hand_over_documents(partner)
        self._refresh(partner.commercial_partner_id)

    @api.model
    def _hand_over_documents(self, partner):
        """Give the documents of a contact to its commercial partner, as Odoo does when a contact gets a parent.

        Odoo's merge writes the contact itself, in SQL, where a document names the commercial partner.
        """
        customer = partner.commercial_partner_id
        if customer == partner:
            return
        # sudo: the documents may be of companies that the user may not see.
        env = self.sudo().with_context(bypass_lock_check=BYPASS_LOCK_CHECK).env
        moves = env["account.move"].search([("commercial_partner_id", "=", partner.id)])
        # all lines at once, or the check of reconciled lines would fail
        env["account.move.line"].search([("partner_id", "=", partner.id)]).partner_id = customer
        moves.commercial_partner_id = customer

    # a contact with another commercial partner

    @api.model
    def _before_move(self, partners):
        """Return the customers among some contacts that have a value, and how many documents each has.

        :return: dict partner → number of posted documents
        """
        # sudo: values and documents of all companies go along.
        env = self.sudo().env
        customers = partners.sudo().filtered(lambda partner: partner.commercial_partner_id == partner)
        known = env["crm.value"].search([("partner_id", "in", customers.ids)]).partner_id
        return dict.fromkeys(known, 0) | dict(self._count_documents(known)) if known else {}

    @api.model
    def _count_documents(self, partners):
        return (
            self.sudo()
            .env["account.move"]
            ._read_group(
                [("commercial_partner_id", "in", partners.ids), *POSTED_DOCUMENTS],
                ["commercial_partner_id"],
                ["__count"],
            )
        )

    @api.model
    def _move(self, before):
        """Let values go along with their documents to other commercial partners.

        A customer whose documents all stayed keeps its value: Odoo hands them over where the parent is written, not
        where a company becomes a person.

        :param before: what `_before_move` returned
        """
        moved = [partner for partner in before if partner.commercial_partner_id != partner]
        if not moved:
            return
        left = dict(self._count_documents(self.env["res.partner"].union(*moved)))
        for partner in moved:
            if not before[partner] or left.get(partner, 0) < before[partner]:
                customer = partner.commercial_partner_id
                self._join(partner | customer, customer, partner)
                self._refresh(customer)

    # one value of several

    @api.model
    def _join(self, customers, customer, contacts):
        """Make one value, in each company, of those of some customers.

        :param customer: the commercial partner that remains
        :param contacts: those that are merged, or join it
        """
        # sudo: the values may belong to companies that the user may not see.
        alone = self.sudo()
        values = alone.env["crm.value"].search([("partner_id", "in", customers.ids)])
        for company, in_company in values.grouped("company_id").items():
            alone._merge(in_company, company, customer)
        alone._empty_circles(contacts.sudo(), customer.sudo())
        alone.env["crm.value.product"]._forget(customers.ids)
        alone.env["crm.value.suggestion"]._forget(customers.ids)
        alone.env["crm.value.opening"]._hand_over(customers - customer, customer)
        alone.env["crm.value.queue"]._hand_over((customers - customer).ids, customer.id)
        alone.env.flush_all()

    @api.model
    def _refresh(self, customer):
        # sudo: as in `_join`
        companies = self.sudo().env["crm.value"].search([("partner_id", "=", customer.id)]).company_id
        self.env["crm.value.scheduler"]._refresh_or_enqueue(customer, companies)

    @api.model
    def _empty_circles(self, contacts, customer):
        """Empty the referrals that would lead a customer back to itself.

        :param contacts: those that are merged, or join the customer
        """
        own = contacts.search([("commercial_partner_id", "=", customer.id), ("referred_by_id", "!=", False)]) | contacts
        for contact in own:
            referrer, seen = contact.referred_by_id, contact.browse()
            if referrer in contacts or referrer.commercial_partner_id == customer:
                contact.referred_by_id = False
            while contact in contacts and referrer and referrer not in seen:
                if referrer in contacts:
                    contact.referred_by_id = False
                seen |= referrer
                referrer = referrer.referred_by_id

    @api.model
    def _merge(self, values, company, customer):
        """Make one value of those of customers of a company, with their logs, locks, gifts and messages.

        The highest of their tiers is kept, so that no customer loses a tier by a merge.

        :param customer: the commercial partner that remains; it need not have a value yet
        """
        highest = self._highest(values)
        target = self._target(values, customer)
        sources = values - target
        self.env["crm.value.merge.rows"]._settle(sources, target)
        self._take_tier(target, highest)
        if sources:
            # Odoo's own merge finds every table that refers to these values, those of further modules included.
            Merge = self.env["base.partner.merge.automatic.wizard"]
            Merge._update_foreign_keys_generic("crm.value", sources, target)
            Merge._update_reference_fields_generic("crm.value", sources, target)
            sources.unlink()
        self.env.cr.execute(SQL("UPDATE crm_value SET partner_id = %s WHERE id = %s", customer.id, target.id))
        self.env["crm.value.tier.assignment"]._set_cause("merge", SQL("value.id = %s", target.id))
        self.env.invalidate_all()

    @api.model
    def _target(self, values, customer):
        """Return the value that remains: the customer's own, else the one with the highest tier."""
        return values.filtered(lambda value: value.partner_id == customer) or self._highest(values)

    @api.model
    def _highest(self, values):
        """Return the value with the highest tier, of several the one that has had it longest."""

        def rank(value):
            tier = value.tier_id
            return bool(tier.active), tier.sequence, tier.id, -(value.tier_since or date.max).toordinal(), value.id

        return max(values, key=rank, default=values)

    @api.model
    def _take_tier(self, target, highest):
        """Give the target the tier of the value with the highest one, and log the change."""
        if highest == target:
            return
        if highest.tier_id != target.tier_id:
            # sudo: nobody has rights to write the log.
            self.env["crm.value.tier.change"].sudo().create(
                {
                    "value_id": target.id,
                    "from_tier_id": target.tier_id.id,
                    "from_since": target.tier_since,
                    "to_tier_id": highest.tier_id.id,
                    "date": target.company_id._value_today(),
                    "source": "merge",
                    "user_id": self.env.uid,
                    "note": to_data(_lt("Merged with %(customer)s", customer=highest.partner_id.display_name)),
                }
            )
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
            UPDATE crm_value value SET tier_id = highest.tier_id, tier_since = highest.tier_since,
                   tier_review_date = highest.tier_review_date, next_tier_id = highest.next_tier_id
              FROM crm_value highest WHERE value.id = %s AND highest.id = %s
            """,
                target.id,
                highest.id,
            )
        )

    # before

    @api.model
    def _preview(self, values, company, customer):
        """Return what customers of a company would be together.

        :param customer: the commercial partner that remains
        :return: dict of the figures, by the names of the fields, and ``tier_id``, a record
        """
        together = [customer.id, *(values.partner_id - customer).ids]
        basis = Basis(company, company._value_today(), together, merged=(customer.id, together))
        # sudo: the caller shows only figures that the user may see.
        Refresh = self.env["crm.value.refresh"].sudo().with_company(company)
        columns, _skipped = Refresh._compute(basis)
        columns = take(columns, columns["partner_id"] == customer.id)
        if not len(columns["partner_id"]):
            return {"tier_id": self.env["crm.value.tier"]}
        columns = Refresh._place(basis, columns, Refresh.env["crm.value.run"]._last_boundaries(company))
        figures = self._figures_of(basis, columns)
        return figures | {"tier_id": self._decide_as_one(values, company, basis.as_of, customer, figures)}

    @api.model
    def _figures_of(self, basis, columns):
        """Return the metrics of the only customer of some columns, rounded as they are stored."""
        metrics = self.env["crm.value.tier.assignment"]._metric_columns(
            basis, columns, self.env["crm.value.tier.metric"]._names()
        )
        return {name: column[0].item() for name, column in metrics.items()}

    @api.model
    def _decide_as_one(self, values, company, as_of, customer, figures):
        """Return the tier that the rules give to these values as one customer with these figures."""
        highest = self._highest(values)
        lock = self.env["crm.value.merge.rows"]._kept(values.tier_lock_ids, self._target(values, customer))
        is_locked = lock and lock == lock.value_id.tier_lock_id
        rules = self.env["crm.value.tier"]._rules_of(company)
        source = SQL(
            """SELECT 0 AS id, %s AS partner_id, %s::int AS tier_id, %s::date AS tier_review_date,
                      %s::int AS next_tier_id, %s::int AS locked_tier_id, %s AS former_tier_id, %s""",
            customer.id,
            highest.tier_id.id or None,
            highest.tier_review_date or None,
            highest.next_tier_id.id or None,
            lock.tier_id.id if is_locked else None,
            self.env["crm.value.tier.assignment"]._former_tier_to_sql(company, as_of, rules, values),
            SQL(", ").join(SQL("%s AS %s", number, SQL.identifier(name)) for name, number in figures.items()),
        )
        [row] = self.env.execute_query_dict(tier_rules.decide(rules, source, as_of))
        return self.env["crm.value.tier"].browse(row["decided_tier_id"] or False)

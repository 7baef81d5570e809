from odoo import api, fields, models
from odoo.tools import SQL


class CrmValueQueue(models.Model):
    """Customers whose figures are out of date: append-only, so that two postings never meet on one row.

    The keys are plain integers without foreign keys: posting must not wait for, or fail on, a contact that
    another session deletes. A key that no longer exists is dropped when the queue is drained.
    """

    _name = "crm.value.queue"
    _description = "Customer Value: Queue"
    _log_access = False
    _order = "id"
    _rec_name = "enqueued_at"

    partner_key = fields.Integer(required=True, help="The commercial partner whose figures are out of date")
    company_key = fields.Integer(required=True)
    move_key = fields.Integer(help="The document that caused it, 0 when there is none")
    refreeze = fields.Boolean(help="The document was posted or left the posted state: its margin is recorded again")
    enqueued_at = fields.Datetime(required=True)

    @api.model
    def _push(self, keys, refreeze=False):
        """Append rows in one statement.

        :param keys: collection of (commercial partner id, company id, move id or 0)
        """
        if not keys:
            return
        partners, companies, moves = (list(column) for column in zip(*sorted(keys), strict=True))
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value_queue (partner_key, company_key, move_key, refreeze, enqueued_at)
            SELECT key.partner, key.company, key.move, %s, now() AT TIME ZONE 'UTC'
              FROM unnest(%s::int[], %s::int[], %s::int[]) AS key(partner, company, move)
            """,
                refreeze,
                partners,
                companies,
                moves,
            )
        )

    @api.model
    def _push_partners(self, partners, companies):
        """Enqueue commercial partners for several companies, without a document."""
        self._push({(partner.id, company.id, 0) for partner in partners for company in companies})

    @api.model
    def _hand_over(self, partner_ids, partner_id):
        """Enqueue for a customer what waits for others whose documents it gets; their own rows are dropped in turn."""
        self.env.cr.execute(
            SQL(
                """
            INSERT INTO crm_value_queue (partner_key, company_key, move_key, refreeze, enqueued_at)
            SELECT %s, company_key, move_key, refreeze, enqueued_at
              FROM crm_value_queue WHERE partner_key = ANY(%s)
            """,
                partner_id,
                list(partner_ids),
            )
        )

    @api.model
    def _peek(self, company, partner_ids=None, limit=None, span=None):
        """Return the queue rows of a company as tuples (id, partner id, move id, refreeze), oldest first.

        :param span: the first and the last partner id
        """
        partners = SQL("AND partner_key = ANY(%s)", list(partner_ids)) if partner_ids is not None else SQL()
        if span:
            partners = SQL("AND partner_key BETWEEN %s AND %s", *span)
        return self.env.execute_query(
            SQL(
                """
            SELECT id, partner_key, COALESCE(move_key, 0), COALESCE(refreeze, FALSE)
              FROM crm_value_queue WHERE company_key = %s %s ORDER BY id %s
            """,
                company.id,
                partners,
                SQL("LIMIT %s", limit) if limit else SQL(),
            )
        )

    @api.model
    def _drop(self, row_ids):
        """Delete exactly these rows; rows that were committed meanwhile stay, whatever their id."""
        if row_ids:
            self.env.cr.execute(SQL("DELETE FROM crm_value_queue WHERE id = ANY(%s)", list(row_ids)))

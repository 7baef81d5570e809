from odoo import fields, models
from odoo.tools import SQL

#: months since a card last got something, up to which it is of an age
_AGES = (("m3", 3), ("m12", 12))
#: kinds by the type of the program; all others are coupons
_KINDS = {"loyalty": "points", "gift_card": "gift_card", "ewallet": "ewallet"}


class CrmValueLiability(models.Model):
    """What is owed to customers, at every past month's end and today: points, coupons, gifts, gift cards, eWallets.

    How it works: what is on a card today, less what its history says came after a day, was on it then. Money is in the
    currency of the program; points and coupons are worth what the most generous reward gives for them today
    (`loyalty.program._point_worth`). What lapsed is told in the month in which it did.
    """

    _name = "crm.value.liability"
    _description = "What Is Owed to Customers"
    _auto = False
    _order = "date desc, kind, id"
    _rec_name = "date"

    date = fields.Date(readonly=True, help="A month's end, or today")
    company_id = fields.Many2one("res.company", readonly=True, help="Empty for programs of all companies")
    kind = fields.Selection(
        [
            ("points", "Points"),
            ("coupon", "Coupons"),
            ("gift", "Gifts of Tiers"),
            ("gift_card", "Gift Cards"),
            ("ewallet", "eWallets"),
            ("rebate", "Rebates of Tiers"),
        ],
        readonly=True,
    )
    program_id = fields.Many2one("loyalty.program", readonly=True)
    tier_id = fields.Many2one("crm.value.tier", readonly=True, help="The tier that the customers had then")
    age = fields.Selection(
        [("m3", "Up to 3 months"), ("m12", "Up to 12 months"), ("older", "Older")],
        readonly=True,
        help="Since the card last got something",
    )
    currency_id = fields.Many2one("res.currency", readonly=True)
    card_count = fields.Integer(string="Cards", readonly=True)
    points = fields.Float(string="On the Cards", readonly=True, digits=(16, 2))
    amount = fields.Monetary(string="Owed", readonly=True)
    lapsed = fields.Monetary(readonly=True, help="What lapsed in the month")

    _depends = {
        "loyalty.card": ["points", "program_id", "partner_id", "expiration_date", "active", "company_id"],
        "loyalty.history": ["card_id", "issued", "used", "value_lapsed_points"],
        "loyalty.program": ["program_type", "currency_id"],
        "crm.value": ["tier_id"],
        "crm.value.grant": ["card_id"],
        "crm.value.snapshot": ["tier_id", "as_of_date"],
        "crm.value.rebate": ["tier_id", "company_id", "date_from", "period", "active"],
        "crm.value.rebate.step": ["rebate_id", "amount_from", "percent"],
        "crm.value.rebate.settlement": ["rebate_id", "partner_id", "date", "amount", "move_id"],
        "crm.value.document": ["purchase_revenue", "qualifying"],
        "account.move": ["state", "invoice_date"],
    }

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT (balance.date - date '2000-01-01')::bigint * 10000000000 + min(balance.card_id) AS id,
                   balance.date, balance.company_id, balance.kind, balance.program_id, balance.tier_id, balance.age,
                   balance.currency_id, count(*) FILTER (WHERE balance.points != 0) AS card_count,
                   sum(balance.points) AS points, sum(round(balance.points * balance.worth, 2)) AS amount,
                   sum(round(balance.lapsed * balance.worth, 2)) AS lapsed
              FROM (%s) balance
             WHERE balance.points != 0 OR balance.lapsed != 0
             GROUP BY balance.date, balance.company_id, balance.kind, balance.program_id, balance.tier_id, balance.age,
                      balance.currency_id
            UNION ALL %s
            """,
            self._select_balances(),
            self._select_rebates(),
        )

    def _select_rebates(self):
        """Return the SELECT of what rebates of tiers have accrued and was not settled."""
        Rebate, today = self.env["crm.value.rebate"], self.env.company._value_today()
        return SQL(
            """
            SELECT -((owed.date - date '2000-01-01')::bigint * 10000000000 + rebate.id) AS id, owed.date,
                   rebate.company_id, 'rebate', NULL::int, rebate.tier_id, NULL, company.currency_id,
                   owed.customers, NULL::numeric, owed.amount, 0::numeric
              FROM (SELECT day.date, due.rebate_id, count(DISTINCT due.partner_id) AS customers,
                           sum(due.amount) - COALESCE(min(settled.amount), 0) AS amount
                      FROM (%(days)s) day CROSS JOIN LATERAL (%(due)s) due
                      LEFT JOIN LATERAL (SELECT sum(part.amount) AS amount FROM (%(settled)s) part
                                          WHERE part.rebate_id = due.rebate_id
                                            AND part.noted_on <= day.date) settled ON TRUE
                     GROUP BY day.date, due.rebate_id) owed
              JOIN crm_value_rebate rebate ON rebate.id = owed.rebate_id
              JOIN res_company company ON company.id = rebate.company_id
             WHERE owed.amount != 0
            """,
            days=self._select_days(today, SQL("(SELECT min(date_from) FROM crm_value_rebate WHERE active)")),
            due=Rebate._select_due(SQL("day.date")),
            settled=Rebate._select_settled(),
        )

    def _select_balances(self):
        """Return the SELECT of each card on each day: what was on it, and what of it lapsed in the month."""
        today = self.env.company._value_today()
        return SQL(
            """
            SELECT day.date, card.id AS card_id, card.company_id, card.program_id, program.currency_id,
                   CASE WHEN EXISTS (SELECT FROM crm_value_grant gift WHERE gift.card_id = card.id) THEN 'gift'
                        ELSE %(kind)s END AS kind,
                   CASE WHEN day.date = %(today)s THEN value.tier_id ELSE back_then.tier_id END AS tier_id,
                   CASE %(ages)s ELSE 'older' END AS age, worth.amount::numeric AS worth,
                   CASE WHEN card.expiration_date < day.date THEN 0 ELSE history.points END AS points,
                   history.lapsed
                   + CASE WHEN card.expiration_date < day.date AND card.expiration_date >= day.month
                          THEN history.points ELSE 0 END AS lapsed
              FROM (%(days)s) day
              JOIN loyalty_card card ON card.create_date < day.date + 1 AND card.active
              JOIN loyalty_program program ON program.id = card.program_id
              JOIN (%(worths)s) worth ON worth.id = program.id
              JOIN LATERAL (
                   SELECT card.points::numeric
                          - COALESCE(sum(line.issued - line.used) FILTER (WHERE line.create_date >= day.date + 1), 0)
                            ::numeric AS points,
                          COALESCE(sum(line.value_lapsed_points) FILTER (WHERE line.create_date >= day.month
                                                                      AND line.create_date < day.date + 1), 0)::numeric
                              AS lapsed,
                          COALESCE(max(line.create_date) FILTER (WHERE line.issued > 0
                                                                   AND line.create_date < day.date + 1),
                                   card.create_date)::date AS filled_on
                     FROM loyalty_history line WHERE line.card_id = card.id) history ON TRUE
              LEFT JOIN res_partner contact ON contact.id = card.partner_id
              LEFT JOIN crm_value value ON value.partner_id = contact.commercial_partner_id
                                       AND value.company_id = COALESCE(card.company_id, %(company)s)
              LEFT JOIN crm_value_snapshot back_then ON back_then.value_id = value.id
                                                  AND back_then.as_of_date = day.date
            """,
            days=self._select_days(today, SQL("(SELECT min(create_date) FROM loyalty_card)")),
            today=today,
            company=self.env.company.id,
            worths=self._select_worths(),
            kind=SQL(
                "CASE program.program_type %s ELSE 'coupon' END",
                SQL(" ").join(SQL("WHEN %s THEN %s", name, kind) for name, kind in _KINDS.items()),
            ),
            ages=SQL(" ").join(
                SQL("WHEN history.filled_on > day.date - make_interval(months => %s) THEN %s", months, age)
                for age, months in _AGES
            ),
        )

    def _select_days(self, today, first):
        """Return the SELECT of the month ends since a day, and today, each with its month's first day."""
        return SQL(
            """
            SELECT LEAST((month + interval '1 month - 1 day')::date, %(today)s) AS date, month::date AS month
              FROM generate_series(date_trunc('month', %(first)s), %(today)s::timestamp, interval '1 month') month
            """,
            today=today,
            first=first,
        )

    def _select_worths(self):
        """Return the SELECT of what a point of each program is worth: id, amount."""
        # sudo: the report names programs that the reader may not open
        programs = self.env["loyalty.program"].sudo().with_context(active_test=False).search([])
        money = programs.filtered(lambda program: program.program_type in ("gift_card", "ewallet"))
        worths = [1.0 if program in money else program._point_worth() for program in programs]
        return SQL("SELECT * FROM unnest(%s::int[], %s::float8[]) worth(id, amount)", programs.ids, worths)

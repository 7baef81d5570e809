"""Two years of demonstration invoices, made through Odoo from a fixed seed and dated relative to today."""

import random
import re
import unicodedata
from datetime import timedelta

from odoo import SUPERUSER_ID, Command
from odoo.tools import date_utils

from .profiles import ASSORTMENTS, PRODUCTS, PROFILES

_SEED = 19
_REF = "CV%03d"
#: customers of Odoo's own demonstration, whose large invoices are all of the last weeks → the rhythm in days, and the
#: amount, at which they bought before: else they would be worth nothing at any month's end, and a lot today
_OF_ODOO = {"base.res_partner_2": (41, 10_500), "base.res_partner_12": (58, 8_400)}


class Generator:
    """Creates the customers of `PROFILES` in a company, their purchases and their values.

    How it works: each profile is turned into purchase days, and these into sale orders or plain invoices, which are
    posted together in the order of their dates. Then follow the extras that profiles name (`_extra_<name>`) and the
    payments. A second run does nothing.
    """

    def __init__(self, env, company, second_company=None, profiles=PROFILES, owner=None):
        """Prepare to fill a company.

        :param owner: the user who sells to all customers; then contacts and products belong to the company
        """
        context = {"allowed_company_ids": company.ids, "tracking_disable": True, "mail_create_nosubscribe": True}
        self.env = env(user=SUPERUSER_ID, context=context)
        self.company = company.with_env(self.env)
        self.second_company = second_company and second_company.with_env(self.env)
        self.profiles = profiles
        self.owner = owner
        self.today = self.company._value_today()
        self.random = random.Random(_SEED)  # nosec B311: a reproducible history, no secret
        self.customers = {}  # profile → commercial partner
        self.invoices = {}  # profile → its posted invoices, oldest first
        self.open_invoices = self.env["account.move"]  # not to be paid

    def run(self):
        of_company = [("company_id", "=", self.company.id)] if self.owner else []
        if self.env["res.partner"].search_count([("ref", "=", _REF % 1), *of_company], limit=1):
            return
        if not self.company.chart_template:
            self.env["account.chart.template"].try_loading("generic_coa", self.company, install_demo=False)
        self._make_products()
        self._make_customers()
        self._make_purchases()
        earlier = self.env["account.move"] if self.owner else self._make_earlier_purchases()
        for profile in self.profiles:
            for extra in profile.extras:
                getattr(self, f"_extra_{extra}")(profile)
        self._pay(earlier)
        for company in filter(None, (self.company, self.second_company)):
            self.env["crm.value.refresh"].with_company(company)._refresh_company()

    # master data

    def _make_products(self):
        category = {} if self.owner else {"categ_id": self.env["product.category"].create({"name": "Coffee"}).id}
        products = self.env["product.product"].create(
            [
                {
                    "name": name,
                    "type": kind,
                    "list_price": price,
                    "standard_price": cost,
                    "invoice_policy": "order",
                    **category,
                    **self._owned(),
                }
                for name, kind, price, cost in PRODUCTS.values()
            ]
        )
        self.products = dict(zip(PRODUCTS, products, strict=True))
        if self.second_company:
            for product, (_name, _kind, _price, cost) in zip(products, PRODUCTS.values(), strict=True):
                product.with_company(self.second_company).standard_price = cost

    def _make_customers(self):
        countries = {country.code: country for country in self.env["res.country"].search([])}
        sellers = [self.owner or self._seller("base.user_admin"), self.owner or self._seller("base.user_demo")]
        term = self.env.ref("account.account_payment_term_30days", raise_if_not_found=False)
        partners = self.env["res.partner"].create(
            [
                {
                    "name": profile.name,
                    "ref": _REF % number,
                    "is_company": bool(profile.contacts),
                    "city": profile.city,
                    "country_id": countries[profile.country].id,
                    "phone": f"+1 555 01{number:02}",  # numbers that nobody has
                    "email": self._email(profile.name, "office" if profile.contacts else "private"),
                    "user_id": (sellers[profile.seller] or sellers[0]).id,
                    "property_payment_term_id": term.id if term else False,
                    "child_ids": [
                        Command.create(
                            {
                                "name": name,
                                "email": self._email(profile.name, name),
                                "type": "contact",
                                **self._owned(),
                            }
                        )
                        for name in profile.contacts
                    ],
                    **self._owned(),
                }
                for number, profile in enumerate(self.profiles, start=1)
            ]
        )
        self.customers = dict(zip(self.profiles, partners, strict=True))

    def _owned(self):
        """Return what says that a record belongs to the company, where it is to."""
        return {"company_id": self.company.id} if self.owner else {}

    def _seller(self, xml_id):
        user = self.env.ref(xml_id, raise_if_not_found=False)
        return user.filtered(lambda user: self.company in user.company_ids) if user else self.env["res.users"]

    @staticmethod
    def _email(company, name):
        def slug(text):
            letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
            return re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-")

        return f"{slug(name)}@{slug(company)}.example.com"

    # purchases

    def _make_purchases(self):
        direct, ordered, elsewhere = [], [], []
        for profile in self.profiles:
            days = self._purchase_days(profile)
            if any(extra.startswith("down_payment") for extra in profile.extras):
                days = days[1:]  # the extra makes the first one
            for day in days:
                (ordered if profile.by_orders else direct).append((profile, day))
            if self.second_company and "second_company" in profile.extras:
                elsewhere += [(profile, day) for day in days[-6:]]
        moves = self._invoice(direct) + self._order(ordered)
        moves.action_post()
        by_customer = {partner: profile for profile, partner in self.customers.items()}
        self.invoices = {profile: self.env["account.move"] for profile in self.profiles}
        for move in moves.sorted("invoice_date"):
            self.invoices[by_customer[move.commercial_partner_id]] += move
        self._invoice(elsewhere, self.second_company).action_post()

    def _make_earlier_purchases(self):
        """Return invoices of two years, posted, for the customers of Odoo's own demonstration."""
        customers = {self.env.ref(name, raise_if_not_found=False): bought for name, bought in _OF_ODOO.items()}
        moves = self.env["account.move"].create(
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": customer.id,
                    "invoice_date": self._workday(days_ago),
                    "invoice_user_id": self._seller("base.user_admin").id,
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "product_id": self.products["office"].id,
                                "quantity": round(amount * self.random.uniform(0.7, 1.3) / PRODUCTS["office"][2]),
                            }
                        )
                    ],
                }
                for customer, (rhythm, amount) in customers.items()
                if customer
                for days_ago in range(rhythm + 30, 730, rhythm)
            ]
        )
        moves.action_post()
        return moves

    def _purchase_days(self, profile):
        """Return the days of a profile's purchases, oldest first; the profile fixes the first and the last."""
        days, before = [], profile.first
        while profile.rhythm and before > profile.last + profile.rhythm / 2:
            days.append(before)
            before -= max(1, round(profile.rhythm * self.random.uniform(0.8, 1.2)))
        return [self._workday(before) for before in [*days, profile.last] if before]

    def _workday(self, days_ago):
        day = self.today - timedelta(days=days_ago)
        return day - timedelta(days=max(0, day.weekday() - 4))

    def _lines(self, profile, day):
        """Return (product, quantity) pairs worth about the profile's basket, with its growth up to that day."""
        years_ago = (self.today - day).days / 365
        worth = profile.basket * (1 + profile.yearly_growth) ** -years_ago * self.random.lognormvariate(0, 0.2)
        first, *others = ASSORTMENTS[profile.assortment]
        chosen = [first, *self.random.sample(others, min(len(others), self.random.choice((0, 1, 1, 2))))]
        rest = 0.4 / (len(chosen) - 1 or 1)
        shares = [1 - rest * (len(chosen) - 1), *[rest] * (len(chosen) - 1)]
        return [
            (self.products[key], max(1, round(worth * share / PRODUCTS[key][2])))
            for key, share in zip(chosen, shares, strict=True)
        ]

    def _invoice(self, purchases, company=None):
        """Return draft invoices made without a sale order."""
        company = company or self.company
        return (
            self.env["account.move"]
            .with_company(company)
            .with_context(allowed_company_ids=company.ids)
            .create(
                [
                    {
                        "move_type": "out_invoice",
                        "company_id": company.id,
                        "partner_id": self._addressee(profile).id,
                        "invoice_date": day,
                        "invoice_user_id": self.customers[profile].user_id.id,
                        "currency_id": self._currency(profile, company).id,
                        "invoice_line_ids": [
                            Command.create({"product_id": product.id, "quantity": quantity})
                            for product, quantity in self._lines(profile, day)
                        ],
                    }
                    for profile, day in purchases
                ]
            )
        )

    def _order(self, purchases):
        """Return draft invoices made from confirmed sale orders."""
        orders = self._make_orders(purchases)
        orders.action_confirm()
        invoices = orders._create_invoices(grouped=True)
        for (_profile, day), order in zip(purchases, orders, strict=True):
            order.date_order = day
            order.invoice_ids.invoice_date = day
        return invoices

    def _make_orders(self, purchases):
        return self.env["sale.order"].create(
            [
                {
                    "partner_id": self.customers[profile].id,
                    "date_order": day,
                    "company_id": self.company.id,
                    "user_id": self.customers[profile].user_id.id,
                    "order_line": [
                        Command.create({"product_id": product.id, "product_uom_qty": quantity})
                        for product, quantity in self._lines(profile, day)
                    ],
                }
                for profile, day in purchases
            ]
        )

    def _addressee(self, profile):
        """Return the company itself, or now and then one of its contacts."""
        partner = self.customers[profile]
        return self.random.choice([partner, partner, *partner.child_ids[:1]])

    def _currency(self, profile, company):
        other = self.env["res.currency"].search([("id", "!=", company.currency_id.id)], limit=1)
        return other if "foreign_currency" in profile.extras and other else company.currency_id

    # extras, named in the `extras` of a profile

    def _extra_second_company(self, profile):
        """Buys from the second company as well: see `_make_purchases`."""

    def _extra_foreign_currency(self, profile):
        """Is invoiced in another active currency, when there is one: see `_currency`."""

    def _extra_overdue(self, profile):
        """Leaves invoices open past their date."""
        self.open_invoices += self.invoices[profile][-3:]

    def _extra_full_refund(self, profile):
        self._credit(self.invoices[profile][-1])

    def _extra_partial_refund(self, profile):
        self._credit(self.invoices[profile][-1], share=0.4)

    def _credit(self, invoice, share=1.0):
        day = min(invoice.invoice_date + timedelta(days=9), self.today)
        wizard = (
            self.env["account.move.reversal"]
            .with_context(
                active_model="account.move",
                active_ids=invoice.ids,
            )
            .create({"date": day, "journal_id": invoice.journal_id.id, "reason": "Damaged in transit"})
        )
        note = self.env["account.move"].browse(wizard.refund_moves()["res_id"])
        for line in note.invoice_line_ids:
            line.quantity = max(1, round(line.quantity * share))
        note.action_post()

    def _extra_free_refund(self, profile):
        """Gets a credit note that names no invoice."""
        self.env["account.move"].create(
            {
                "move_type": "out_refund",
                "partner_id": self.customers[profile].id,
                "invoice_user_id": self.customers[profile].user_id.id,
                "invoice_date": self.invoices[profile][-1].invoice_date,
                "invoice_line_ids": [Command.create({"product_id": self.products["filter"].id, "quantity": 5})],
            }
        ).action_post()

    def _extra_down_payment_30(self, profile):
        self._order_with_down_payment(profile, 30)

    def _extra_down_payment_100(self, profile):
        self._order_with_down_payment(profile, 100)

    def _order_with_down_payment(self, profile, percentage):
        """Order, pay a part in advance, and get the invoice that deducts it a fortnight later."""
        day = self._workday(profile.first)
        order = self._make_orders([(profile, day)])
        order.action_confirm()
        order.date_order = day
        wizard = self.env["sale.advance.payment.inv"].with_context(active_ids=order.ids)
        wizard.create({"advance_payment_method": "percentage", "amount": percentage}).create_invoices()
        advance = order.invoice_ids
        advance.invoice_date = day
        advance.action_post()
        final = order._create_invoices(final=True)
        final.invoice_date = min(day + timedelta(days=14), self.today)
        final.action_post()
        self.invoices[profile] = advance + final + self.invoices[profile]

    def _extra_opportunity(self, profile):
        partner = self.customers[profile]
        self.env["crm.lead"].create(
            {
                "type": "opportunity",
                "name": f"{profile.name}: yearly supply",
                "partner_id": partner.id,
                "user_id": partner.user_id.id,
                "company_id": self.company.id,
                "probability": 40,
                "expected_revenue": round(max(12 * profile.basket, 4000), -2),
            }
        )

    def _extra_quotation(self, profile):
        partner = self.customers[profile]
        order = self.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "user_id": partner.user_id.id,
                "company_id": self.company.id,
                "order_line": [
                    Command.create({"product_id": self.products["office"].id, "product_uom_qty": 2}),
                    Command.create({"product_id": self.products["maintenance"].id, "product_uom_qty": 4}),
                ],
            }
        )
        order.action_quotation_sent()

    # payments

    def _pay(self, earlier):
        """Pay the invoices that fell due, by one bank entry a quarter, except those left open on purpose."""
        ours = (
            self.env["account.move"].search(
                [
                    ("commercial_partner_id", "in", [partner.id for partner in self.customers.values()]),
                    ("company_id", "=", self.company.id),
                    ("move_type", "=", "out_invoice"),
                    ("state", "=", "posted"),
                    ("amount_residual", ">", 0),
                    ("invoice_date_due", "<", self.today),
                ]
            )
            - self.open_invoices
        ) + earlier
        receivables = ours.line_ids.filtered(lambda line: line.account_type == "asset_receivable")
        plan = []
        quarters = receivables.grouped(lambda line: date_utils.start_of(line.date_maturity, "quarter"))
        for _quarter, lines in sorted(quarters.items()):
            plan += self._receive(lines)
        self.env["account.move.line"]._reconcile_plan(plan)

    def _receive(self, receivables):
        """Post the bank entry that pays these lines, and return the groups of lines to reconcile."""
        groups = list(receivables.grouped(lambda line: (line.partner_id, line.account_id, line.currency_id)).items())
        journal = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.company.id)], limit=1
        )
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "journal_id": journal.id,
                "ref": "Payments received",
                "date": max(receivables.mapped("date_maturity")),
                "line_ids": [
                    Command.create(
                        {
                            "partner_id": partner.id,
                            "account_id": account.id,
                            "currency_id": currency.id,
                            "amount_currency": -sum(lines.mapped("amount_residual_currency")),
                            "balance": -sum(lines.mapped("amount_residual")),
                        }
                    )
                    for (partner, account, currency), lines in groups
                ]
                + [
                    Command.create(
                        {
                            "account_id": journal.default_account_id.id,
                            "balance": sum(receivables.mapped("amount_residual")),
                        }
                    )
                ],
            }
        )
        entry.action_post()
        return [lines + payment for (_key, lines), payment in zip(groups, entry.line_ids, strict=False)]

import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.modules.registry import Registry
from odoo.tests import tagged
from odoo.tests.common import get_db_name

from ...models.refresh import crm_value_refresh, crm_value_refresh_range
from ..common_sessions import SECONDS, SessionsCase

CUSTOMERS = 24
WORKERS = 3
_FIGURES = """
    SELECT partner_id, as_of_date, revenue_total, purchase_count, clv, value_percentile, rfm_score, lifecycle_stage
      FROM crm_value WHERE company_id = %s ORDER BY partner_id
"""


@tagged("post_install", "-at_install")
class TestRangeSessions(SessionsCase):
    """Several workers at one large company, really: one is its writer, the others help."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clean)
        with self.outside() as env:
            env.cr.execute("SELECT id FROM res_company ORDER BY id LIMIT 1")
            main = env["res.company"].browse(env.cr.fetchone())
            company = env["res.company"].create({"name": "Range Sessions", "currency_id": main.currency_id.id})
            self.company_id = company.id
            journal = (
                env["account.journal"]
                .with_company(company)
                .create({"name": "Sold", "code": "RNG", "type": "sale", "company_id": company.id})
            )
            partners = env["res.partner"].create([{"name": f"Ranged {number}"} for number in range(CUSTOMERS)])
            self.partner_ids = partners.ids
            today = fields.Date.today()
            # only what a refresh reads of an invoice: booking them would need a chart of accounts
            env.cr.execute(
                """
                INSERT INTO account_move (name, state, move_type, commercial_partner_id, partner_id, company_id,
                       journal_id, currency_id, date, invoice_date, amount_untaxed_signed, amount_untaxed, auto_post,
                       invoice_currency_rate)
                SELECT 'RNG/' || partner || '/' || number, 'posted', 'out_invoice', partner, partner, %(company)s,
                       %(journal)s, %(currency)s, day, day, 10 * number + partner %% 7, 10 * number + partner %% 7,
                       'no', 1
                  FROM unnest(%(partners)s) partner, generate_series(1, 5) number,
                       LATERAL (SELECT %(today)s::date - (60 * number + partner %% 30)::int AS day) placed
                 WHERE number <= 1 + partner %% 5
                """,
                {
                    "company": company.id,
                    "journal": journal.id,
                    "currency": main.currency_id.id,
                    "partners": partners.ids,
                    "today": today - timedelta(days=1),
                },
            )

    def clean(self):
        with self.outside() as env:
            for name in ("crm_value_queue", "crm_value", "account_move", "crm_value_run", "account_journal"):
                column = "company_key" if name == "crm_value_queue" else "company_id"
                env.cr.execute(f"DELETE FROM {name} WHERE {column} = %s", [self.company_id])  # pylint: disable=sql-injection
            env["res.partner"].browse(self.partner_ids).unlink()
            company = env["res.company"].browse(self.company_id)
            contact = company.partner_id
            company.unlink()
            contact.unlink()

    def figures(self):
        with self.outside() as env:
            env.cr.execute(_FIGURES, [self.company_id])
            return env.cr.fetchall()

    def forget(self):
        with self.outside() as env:
            env.cr.execute("DELETE FROM crm_value WHERE company_id = %s", [self.company_id])
            env.cr.execute("DELETE FROM crm_value_run WHERE company_id = %s", [self.company_id])

    def refresh(self, env):
        env["crm.value.scheduler"]._refresh_each(env["res.company"].browse(self.company_id))

    def help(self, env):
        """Begin as a helper does that is woken: when there are ranges. What kills it leaves its transaction undone."""
        self.has_begun.wait(SECONDS)
        env.cr.rollback()
        try:
            self.refresh(env)
        except KeyboardInterrupt:
            env.cr.rollback()

    @contextmanager
    def in_ranges(self, **methods):
        """Return a context in which a company of three customers is large, and each range takes a while.

        :param methods: of `crm.value.refresh.range`, by what does something before: a function of the service
        """
        Service = Registry(get_db_name())["crm.value.refresh.range"]
        self.has_begun = threading.Event()

        def before(name, first):
            original = getattr(Service, name)

            def method(service, *arguments):
                first(service, *arguments)
                return original(service, *arguments)

            return patch.object(Service, name, method)

        with ExitStack() as stack:
            for name, value in (("RANGE_CUSTOMERS", 3), ("AT_ONCE", 0), ("_LOOK_AGAIN", 0.01)):
                stack.enter_context(patch.object(crm_value_refresh_range, name, value))
            stack.enter_context(patch.object(crm_value_refresh, "WRITE_BATCH", 2))
            for name, first in methods.items():
                stack.enter_context(before(name, first))
            yield

    def begin(self, service, part, spool):
        self.has_begun.set()
        time.sleep(0.05)

    def at_once(self):
        """Return the figures of a refresh that reads the company at once, and forget them."""
        with self.outside() as env:
            self.refresh(env)
        figures = self.figures()
        self.assertEqual(len(figures), CUSTOMERS)
        self.forget()
        return figures

    def test_workers_share_a_company(self):
        read_by = []

        def read(service, part, spool):
            self.begin(service, part, spool)
            read_by.append((part.first_key, id(service.env.cr)))

        with self.committing_crons():
            expected = self.at_once()
            with self.in_ranges(_read=read):
                self.assertFalse(self.in_sessions([self.refresh, *[self.help] * (WORKERS - 1)]))
        self.assertEqual(self.figures(), expected)
        with self.outside() as env:
            run = env["crm.value.run"].search([("company_id", "=", self.company_id), ("kind", "=", "full")])
            self.assertEqual(run.mapped("state"), ["done"])
            self.assertEqual((run.processed, run.total, run.skipped), (CUSTOMERS, CUSTOMERS, 0))
            self.assertFalse(env["crm.value.run.range"].search([("company_id", "=", self.company_id)]))
        self.assertEqual(len(read_by), len({key for key, _session in read_by}), "no range was read twice")
        self.assertGreater(len({session for _key, session in read_by}), 1, "more than one took part")

    def test_helpers_that_are_killed_are_made_up_for(self):
        for method in ("_read", "_write_next"):
            with self.subTest(method), self.committing_crons():
                expected, writer, killed = self.at_once(), [], []

                def note(service, *_arguments, writer=writer):
                    writer.append(service.env.cr)

                def kill(service, *arguments, method=method, writer=writer, killed=killed):
                    if method == "_read":
                        self.begin(service, *arguments)
                    if service.env.cr is not writer[0]:
                        killed.append(1)
                        raise KeyboardInterrupt

                methods = {"_read": self.begin, method: kill}
                with self.in_ranges(_begin=note, **methods):
                    self.assertFalse(self.in_sessions([self.refresh, *[self.help] * (WORKERS - 1)]))
                self.assertTrue(killed)
                self.assertEqual(self.figures(), expected)
                self.forget()

from datetime import timedelta

from babel.dates import format_timedelta

from odoo import api, fields, models
from odoo.tools import SQL, format_datetime
from odoo.tools.misc import babel_locale_parse

from .concurrent_index import missing_indexes

#: what works in the background, in the order of the panel
_CRONS = ("ir_cron_refresh_stale", "ir_cron_refresh_all", "ir_cron_fit", "ir_cron_followup", "ir_cron_gifts")
#: documents wait for one or two minutes where scheduled actions run
_LONGEST_WAIT = timedelta(minutes=15)


class CrmValueHealth(models.AbstractModel):
    """The state of a company's refreshes, as the panel in the settings shows it.

    How to use: `_check` returns the state as data, `_prepare_panel` as the values of the template ``health_panel``, in
    the user's words. The caller vouches for the user: runs and scheduled actions are read with the service's rights.

    How it works: a fixed number of queries, whatever the number of customers. Each kind of problem has a method that
    returns its sentences; another module adds a problem by overriding `_problems`.
    """

    _name = "crm.value.health"
    _description = "Customer Value: Health"

    @api.model
    def _check(self, company):
        """Return the state of the company's refreshes.

        :return: dict: runs (kind → the last run), queue (length, customers, oldest_at, oldest_partner), fit, skipped
            (customers left out since the last refresh of all began), crons, age (see `crm.value.freshness._measure`),
            problems (sentences, [] when all is well)
        """
        company.ensure_one()
        health = {
            "company": company,
            "runs": self._last_runs(company),
            "queue": self._queue_state(company),
            "crons": self._crons(),
            "fit": self.env["crm.value.fit"].search([("company_id", "=", company.id), ("is_used", "=", True)], limit=1),
            "age": self.env["crm.value.freshness"]._measure(company),
        }
        health["skipped"] = self._skipped_count(company, health["runs"].get("full"))
        health["problems"] = self._problems(health)
        return health

    @api.model
    def _prepare_panel(self, company):
        """Return what the panel shows (see views/crm_value_templates.xml), in the user's words."""
        health = self._check(company)
        fit, oldest_at = health["fit"], health["queue"]["oldest_at"]
        return health | {
            "run_lines": self._prepare_run_lines(health["runs"]),
            "waiting_since": oldest_at and self._moment(oldest_at),
            "fitted_at": fit and self._moment(fit.fitted_at),
            "fit_days": fit and (fields.Datetime.now() - fit.fitted_at).days,
            "cron_lines": [
                {"name": cron.name, "active": cron.active, "next": self._moment(cron.nextcall)}
                for cron in health["crons"]
            ],
        }

    @api.model
    def _prepare_run_lines(self, runs):
        """Return the lines of the panel on the last runs, in the order of their kinds."""
        locale = babel_locale_parse(self.env.lang or "en_US")
        kinds, states = (
            dict(self.env["crm.value.run"]._fields[name]._description_selection(self.env)) for name in ("kind", "state")
        )
        return [
            {
                "kind": label,
                "run": runs[kind],
                "state": states[runs[kind].state],
                "started": self._moment(runs[kind].started_at),
                "duration": format_timedelta(timedelta(hours=runs[kind].duration), threshold=2, locale=locale),
            }
            for kind, label in kinds.items()
            if kind in runs
        ]

    @api.model
    def _moment(self, moment):
        return format_datetime(self.env, moment, dt_format="short")

    # the state

    @api.model
    def _last_runs(self, company):
        self.env["crm.value.run"].flush_model()
        ids = [
            row[0]
            for row in self.env.execute_query(
                SQL(
                    "SELECT max(id) FROM crm_value_run WHERE company_id = %s AND state != 'queued' GROUP BY kind",
                    company.id,
                )
            )
        ]
        return {run.kind: run for run in self.env["crm.value.run"].browse(ids)}

    @api.model
    def _queue_state(self, company):
        [(length, customers, oldest_at, oldest_key)] = self.env.execute_query(
            SQL(
                """SELECT count(*), count(DISTINCT partner_key), min(enqueued_at),
                      (array_agg(partner_key ORDER BY enqueued_at, id))[1]
                 FROM crm_value_queue WHERE company_key = %s""",
                company.id,
            )
        )
        return {
            "length": length,
            "customers": customers,
            "oldest_at": oldest_at,
            "oldest_partner": self.env["res.partner"].browse(oldest_key or []).exists(),
        }

    @api.model
    def _crons(self):
        """Return the scheduled actions; those that an administrator deleted are missing."""
        crons = [self.env.ref(f"crm_value_addon.{name}", raise_if_not_found=False) for name in _CRONS]
        return self.env["ir.cron"].concat(*filter(None, crons))

    @api.model
    def _skipped_count(self, company, last_full):
        if not last_full or not last_full.started_at:
            return 0
        [[customers]] = self.env["crm.value.run.skipped"]._read_group(
            [("run_id.company_id", "=", company.id), ("run_id.started_at", ">=", last_full.started_at)],
            aggregates=["partner_key:count_distinct"],
        )
        return customers

    @api.model
    def _missing_indexes(self):
        """Return the names of those indexes on Odoo's own tables that are not there, or not finished."""
        models = ("account.move", "account.move.line", "account.payment", "res.partner")
        return missing_indexes([self.env[model] for model in models])

    # the problems

    @api.model
    def _problems(self, health):
        """Return a sentence on each thing that somebody should look at."""
        return [
            *self._cron_problems(health["crons"]),
            *self._run_problems(health["runs"]),
            *self._queue_problems(health["queue"]),
            *self._refresh_problems(health["age"], health["runs"].get("full")),
            *self._skipped_problems(health["skipped"]),
            *self._index_problems(),
            *self._fit_problems(health["company"]),
        ]

    @api.model
    def _cron_problems(self, crons):
        problems = [
            self.env._("The scheduled action “%(name)s” is switched off.", name=cron.name)
            for cron in crons
            if not cron.active
        ]
        if len(crons) < len(_CRONS):
            problems.append(
                self.env._("A scheduled action of the customer values was deleted; an update of the app restores it.")
            )
        return problems

    @api.model
    def _run_problems(self, runs):
        kinds = dict(self.env["crm.value.run"]._fields["kind"]._description_selection(self.env))
        return [
            self.env._("The last run failed: %(kind)s.", kind=kinds[kind])
            for kind, run in runs.items()
            if run.state == "failed"
        ]

    @api.model
    def _queue_problems(self, queue):
        waited = fields.Datetime.now() - queue["oldest_at"] if queue["oldest_at"] else timedelta()
        return (
            [
                self.env._(
                    "New documents have waited for %(minutes)s minutes; they should wait for one or two. Do scheduled "
                    "actions run?",
                    minutes=int(waited.total_seconds() // 60),
                )
            ]
            if waited > _LONGEST_WAIT
            else []
        )

    @api.model
    def _refresh_problems(self, age, last_full):
        if age["minutes"] is None:
            return [self.env._("No refresh has finished yet; the first one starts within minutes of the installation.")]
        if not last_full or (fields.Datetime.now() - last_full.started_at).days >= 2:
            return [self.env._("Not all customers have been refreshed for two days; this should happen every night.")]
        return []

    @api.model
    def _skipped_problems(self, count):
        return [self.env._("%(count)s customers were left out.", count=count)] if count else []

    @api.model
    def _fit_problems(self, company):
        """Return a sentence where the latest model was refused: something about the purchases has changed."""
        latest = self.env["crm.value.fit"].search([("company_id", "=", company.id)], limit=1)
        if latest.decision != "much_worse":
            return []
        return [
            self.env._(
                "The prediction model of %(date)s was set aside: tried on the past, it is much worse than the one in "
                "use, which stays. Have the customers or the documents changed?",
                date=self._moment(latest.fitted_at),
            )
        ]

    @api.model
    def _index_problems(self):
        return [
            self.env._(
                "The database index %(name)s is missing, so refreshes take longer than they should; an update of the "
                "app builds it.",
                name=name,
            )
            for name in self._missing_indexes()
        ]

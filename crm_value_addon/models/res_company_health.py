from datetime import timedelta

from babel.dates import format_timedelta

from odoo import fields, models
from odoo.tools import SQL, format_datetime
from odoo.tools.misc import babel_locale_parse

#: what works in the background, in the order of the panel
CRONS = ["ir_cron_refresh_stale", "ir_cron_refresh_all", "ir_cron_fit", "ir_cron_followup", "ir_cron_gifts"]


class ResCompany(models.Model):
    """Whether the machine is well: what the panel in the settings shows. Five queries, whatever the size."""

    _inherit = "res.company"

    def _value_health(self):
        """Return the state of this company's refreshes.

        :return: dict: runs (kind → the last run), queue (length, customers, oldest_at, oldest_partner), fit, skipped
            (customers left out since the last refresh of all began), crons, problems (sentences, [] when all is well)
        """
        self.ensure_one()
        health = {
            "runs": self._value_last_runs(), "queue": self._value_queue_state(), "crons": self._value_crons(),
            "fit": self.env["crm.value.fit"].search([("company_id", "=", self.id), ("is_used", "=", True)], limit=1),
            "age": self._value_figures_age(),
        }
        health["skipped"] = self._value_skipped_count(health["runs"].get("full"))
        health["problems"] = self._value_problems(health)
        return health

    def _prepare_value_health(self):
        """Return what the panel shows (see views/crm_value_templates.xml), in the user's words."""
        health = self._value_health()
        runs, tz = self.env["crm.value.run"], {"dt_format": "short"}
        states, kinds = (dict(runs._fields[name]._description_selection(self.env)) for name in ("state", "kind"))
        fit = health["fit"]
        return health | {
            "run_lines": [{
                "kind": kinds[kind], "run": health["runs"][kind], "state": states[health["runs"][kind].state],
                "started": format_datetime(self.env, health["runs"][kind].started_at, **tz),
                "duration": self._value_duration(health["runs"][kind].duration),
            } for kind in kinds if kind in health["runs"]],
            "waiting_since": health["queue"]["oldest_at"] and format_datetime(
                self.env, health["queue"]["oldest_at"], **tz),
            "fitted_at": fit and format_datetime(self.env, fit.fitted_at, **tz),
            "fit_days": fit and (fields.Datetime.now() - fit.fitted_at).days,
            "cron_lines": [{
                "name": cron.name, "active": cron.active,
                "next": format_datetime(self.env, cron.nextcall, **tz)} for cron in health["crons"]],
        }

    def _value_duration(self, hours):
        return format_timedelta(
            timedelta(hours=hours), threshold=2, locale=babel_locale_parse(self.env.lang or "en_US"))

    def _value_last_runs(self):
        self.env["crm.value.run"].flush_model()
        ids = [row[0] for row in self.env.execute_query(SQL(
            "SELECT max(id) FROM crm_value_run WHERE company_id = %s AND state != 'queued' GROUP BY kind", self.id))]
        return {run.kind: run for run in self.env["crm.value.run"].browse(ids)}

    def _value_queue_state(self):
        [(length, customers, oldest_at, oldest_key)] = self.env.execute_query(SQL(
            """SELECT count(*), count(DISTINCT partner_key), min(enqueued_at),
                      (array_agg(partner_key ORDER BY enqueued_at, id))[1]
                 FROM crm_value_queue WHERE company_key = %s""", self.id))
        return {"length": length, "customers": customers, "oldest_at": oldest_at,
                "oldest_partner": self.env["res.partner"].browse(oldest_key or []).exists()}

    def _value_crons(self):
        """Return the scheduled jobs; those that an administrator deleted are missing."""
        crons = [self.env.ref(f"crm_value_addon.{name}", raise_if_not_found=False) for name in CRONS]
        return self.env["ir.cron"].concat(*filter(None, crons))

    def _value_skipped_count(self, last_full):
        since = last_full.started_at if last_full else False
        return self.env["crm.value.run.skipped"].search_count([
            ("run_id.company_id", "=", self.id), ("run_id.started_at", ">=", since)]) if since else 0

    def _value_problems(self, health):
        """Return a sentence on each thing that somebody should look at."""
        problems = []
        for cron in health["crons"].filtered(lambda cron: not cron.active):
            problems.append(self.env._("The scheduled action “%(name)s” is switched off.", name=cron.name))
        if len(health["crons"]) < len(CRONS):
            problems.append(self.env._(
                "A scheduled action of the customer values was deleted; an update of the app restores it."))
        for run in health["runs"].values():
            if run.state == "failed":
                kind = dict(run._fields["kind"]._description_selection(self.env))[run.kind]
                problems.append(self.env._("The last run failed: %(kind)s.", kind=kind))
        waited = health["queue"]["oldest_at"] and fields.Datetime.now() - health["queue"]["oldest_at"]
        if waited and waited.total_seconds() > 15 * 60:
            problems.append(self.env._(
                "New documents have waited for %(minutes)s minutes; they should wait for one or two. Do scheduled "
                "actions run?", minutes=int(waited.total_seconds() // 60)))
        if health["age"]["minutes"] is None:
            problems.append(self.env._(
                "No refresh has finished yet; the first one starts within minutes of the installation."))
        elif not health["runs"].get("full") or (
                fields.Datetime.now() - health["runs"]["full"].started_at).days >= 2:
            problems.append(self.env._(
                "Not all customers have been refreshed for two days; this should happen every night."))
        if health["skipped"]:
            problems.append(self.env._("%(count)s customers were left out.", count=health["skipped"]))
        return problems

"""Who may do what: the one table. `docs/rights.md` is written from it, and `test_rights` holds both to it."""

SELLERS = ("own", "all", "manager", "admin")
MARGINS = ("all", "manager", "admin")
MANAGERS = ("manager", "admin")
ADMIN = ("admin",)
ORDER_WRITERS = (*SELLERS, "invoicing")
NOBODY = ()

#: group of roles → how the document calls it
WORDS = {
    SELLERS: "salespeople",
    MARGINS: "who sees margins",
    MANAGERS: "sales managers",
    ADMIN: "administrators",
    ORDER_WRITERS: "salespeople, invoicing users",
    NOBODY: "",
}

#: model → who may read, write, create and delete its records
MODELS = {
    "crm.value": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.backtest": (SELLERS, SELLERS, SELLERS, SELLERS),
    "crm.value.backtest.line": (SELLERS, SELLERS, SELLERS, SELLERS),
    "crm.value.benefit": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.benefit.copy": (MANAGERS, MANAGERS, MANAGERS, NOBODY),
    "crm.value.caution.override": (SELLERS, MANAGERS, MANAGERS, NOBODY),
    "crm.value.cohort": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.configuration": (MANAGERS, MANAGERS, MANAGERS, NOBODY),
    "crm.value.demand": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.dismissal": (SELLERS, MANAGERS, SELLERS, MANAGERS),
    "crm.value.contact.style": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.document": (MARGINS, NOBODY, NOBODY, NOBODY),
    "crm.value.document.origin": (MARGINS, NOBODY, NOBODY, NOBODY),
    "crm.value.draw": (MANAGERS, NOBODY, NOBODY, NOBODY),
    "crm.value.earning": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.equity": (MARGINS, MARGINS, MARGINS, NOBODY),
    "crm.value.feedback": (SELLERS, SELLERS, SELLERS, MANAGERS),
    "crm.value.feedback.cause": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.feedback.kind": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.departure": (SELLERS, SELLERS, SELLERS, MANAGERS),
    "crm.value.leaving.reason": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.fit": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.followup": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.followup.preview": (MANAGERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.followup.rule": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.grant": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.interest": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.liability": (MARGINS, NOBODY, NOBODY, NOBODY),
    "crm.value.product": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.opening": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.opening.standing": (MANAGERS, NOBODY, MANAGERS, MANAGERS),
    "crm.value.points.due": (ADMIN, NOBODY, NOBODY, NOBODY),
    "crm.value.holiday": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.mail": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.message.kind": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.purchase": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.queue": (ADMIN, NOBODY, NOBODY, NOBODY),
    "crm.value.recommender": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.rebate": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.rebate.settlement": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.rebate.step": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.replay": (MARGINS, MARGINS, MARGINS, NOBODY),
    "crm.value.replay.line": (MARGINS, MARGINS, MARGINS, MARGINS),
    "crm.value.rfm.segment": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.run": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.run.range": (ADMIN, NOBODY, NOBODY, NOBODY),
    "crm.value.run.skipped": (MANAGERS, NOBODY, NOBODY, NOBODY),
    "crm.value.scorecard": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.snapshot": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.sum": (ADMIN, NOBODY, NOBODY, NOBODY),
    "crm.value.suggestion": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.target": (MANAGERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.tier": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.tier.asked": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.tier.change": (SELLERS, NOBODY, NOBODY, NOBODY),
    "crm.value.tier.cost": (MARGINS, NOBODY, NOBODY, NOBODY),
    "crm.value.tier.criterion": (SELLERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.tier.lock": (SELLERS, MANAGERS, MANAGERS, NOBODY),
    "crm.value.tier.plan": (MANAGERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.tier.plan.criterion": (MANAGERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.tier.plan.line": (MANAGERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.tier.simulation": (MANAGERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.tier.simulation.criterion": (MANAGERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.tier.simulation.figure": (MANAGERS, NOBODY, NOBODY, NOBODY),
    "crm.value.tier.simulation.line": (MANAGERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.tier.simulation.move": (MANAGERS, MANAGERS, MANAGERS, MANAGERS),
    "crm.value.what.if": (MARGINS, MARGINS, MARGINS, NOBODY),
    "crm.value.what.if.line": (MARGINS, MARGINS, MARGINS, MARGINS),
}

#: models of which salespeople read their own records only
OWN_ROWS = {"crm.value.scorecard"}

#: model and public method → who may call it, and with what in the test
METHODS = {
    ("crm.value", "action_open_documents"): (SELLERS, {}),
    ("crm.value", "action_open_overdue"): (SELLERS, {}),
    ("crm.value", "action_open_part"): (MARGINS, {"key": "purchases"}),
    ("crm.value", "action_open_purchases"): (SELLERS, {}),
    ("crm.value", "action_recompute_company"): (SELLERS, {}),
    ("crm.value", "explain_value"): (MARGINS, {}),
    ("crm.value", "get_figures_age"): (SELLERS, {}),
    ("crm.value.backtest", "action_run"): (SELLERS, {}),
    ("crm.value.benefit", "action_enable_pricelists"): (ADMIN, {}),
    ("crm.value.benefit.copy", "action_copy"): (MANAGERS, {}),
    ("crm.value.caution.override", "action_end"): (MANAGERS, {}),
    ("crm.value.cohort", "action_open_purchases"): (SELLERS, {}),
    ("crm.value.configuration", "action_check"): (MANAGERS, {}),
    ("crm.value.configuration", "action_export"): (MANAGERS, {}),
    ("crm.value.configuration", "action_import"): (MANAGERS, {}),
    ("crm.value.brief", "brief"): (SELLERS, {"partner_ids": [0]}),
    ("crm.value.customer.page", "read_page"): (SELLERS, {"value_id": 0}),
    ("crm.value.dashboard", "read_dashboard"): (SELLERS, {}),
    ("crm.value.dashboard", "read_section"): (SELLERS, {"name": "products"}),
    ("crm.value.dashboard.filter", "read_choices"): (SELLERS, {}),
    ("crm.value.draw", "action_check"): (MANAGERS, {}),
    ("crm.value.equity", "equity_summary"): (MARGINS, {}),
    ("crm.value.first.hour", "close"): (MANAGERS, {"company_id": 0}),
    ("crm.value.first.hour", "open_step"): (MANAGERS, {"name": "", "company_id": 0}),
    ("crm.value.feedback", "action_close"): (SELLERS, {}),
    ("crm.value.feedback", "action_give_goodwill"): (SELLERS, {}),
    ("crm.value.fit", "action_fit_now"): (MANAGERS, {}),
    ("crm.value.fit", "action_pin"): (MANAGERS, {}),
    ("crm.value.fit", "action_release"): (MANAGERS, {}),
    ("crm.value.followup", "action_open_activity"): (SELLERS, {}),
    ("crm.value.followup.rule", "action_open_due"): (MANAGERS, {}),
    ("crm.value.followup.rule", "action_open_followups"): (SELLERS, {}),
    ("crm.value.followup.rule", "action_activate"): (MANAGERS, {}),
    ("crm.value.followup.rule", "action_preview"): (MANAGERS, {}),
    ("crm.value.followup.rule", "action_run"): (MANAGERS, {}),
    ("crm.value.followup.preview", "action_send_test"): (MANAGERS, {}),
    ("crm.value.mixin", "action_open_value"): (SELLERS, {}),
    ("crm.value.opening", "get_import_templates"): (MANAGERS, {}),
    ("crm.value.opening.standing", "get_import_templates"): (MANAGERS, {}),
    ("crm.value.purchase", "action_open_documents"): (SELLERS, {}),
    ("crm.value.product", "action_ask"): (SELLERS, {}),
    ("crm.value.product", "action_quote"): (SELLERS, {}),
    ("crm.value.recommender", "action_fit_now"): (MANAGERS, {}),
    ("crm.value.suggestion", "action_add"): (SELLERS, {}),
    ("crm.value.rebate", "action_settle"): (NOBODY, {}),
    ("crm.value.replay", "action_open_posted_since"): (MARGINS, {}),
    ("crm.value.replay", "action_replay"): (MARGINS, {}),
    ("crm.value.rfm.segment", "action_open_customers"): (SELLERS, {}),
    ("crm.value.tier", "action_activate"): (MANAGERS, {}),
    ("crm.value.tier", "action_open_customers"): (SELLERS, {}),
    ("crm.value.tier", "action_simulate"): (MANAGERS, {}),
    ("crm.value.tier", "action_start_above"): (MANAGERS, {}),
    ("crm.value.tier", "action_take_over_benefits"): (MANAGERS, {}),
    ("crm.value.tier.lock", "action_end"): (MANAGERS, {}),
    ("crm.value.tier.plan", "action_cancel"): (MANAGERS, {}),
    ("crm.value.tier.plan", "action_simulate"): (MANAGERS, {}),
    ("crm.value.tier.simulation", "action_apply"): (MANAGERS, {}),
    ("crm.value.tier.simulation", "action_plan"): (MANAGERS, {}),
    ("crm.value.tier.simulation", "action_cancel"): (MANAGERS, {}),
    ("crm.value.tier.simulation", "action_open_falls"): (MANAGERS, {}),
    ("crm.value.tier.simulation", "action_open_moves"): (MANAGERS, {}),
    ("crm.value.tier.simulation", "action_open_near"): (MANAGERS, {}),
    ("crm.value.tier.simulation", "action_preview"): (MANAGERS, {}),
    ("crm.value.tier.simulation", "action_propose"): (MANAGERS, {}),
    ("crm.value.tier.simulation", "preview_step"): (MANAGERS, {"restart": True}),
    ("crm.value.what.if", "action_compute"): (MARGINS, {}),
    ("mail.thread", "message_subscribe"): (SELLERS, {"partner_ids": [3]}),
    ("crm.value.sample", "load_sample"): (ADMIN, {}),
    ("crm.value.sample", "remove_sample"): (ADMIN, {}),
    ("res.config.settings", "action_load_value_sample"): (ADMIN, {}),
    ("res.config.settings", "action_remove_value_sample"): (ADMIN, {}),
    ("res.config.settings", "action_open_value_crons"): (ADMIN, {}),
    ("res.config.settings", "action_open_value_skipped"): (ADMIN, {}),
    ("res.config.settings", "action_use_measured_retention"): (ADMIN, {}),
    ("res.partner", "action_erase_profile"): (MANAGERS, {}),
    ("res.partner", "action_export_value_data"): (MANAGERS, {}),
    ("res.partner", "action_open_value_overdue"): (SELLERS, {}),
    ("res.partner", "action_open_value_purchases"): (SELLERS, {}),
    ("res.partner", "action_recompute_value"): (SELLERS, {}),
    ("res.partner", "action_suggest_plan"): (SELLERS, {}),
    ("sale.order", "action_approve_margin"): (MANAGERS, {}),
    ("sale.order", "action_confirm"): (SELLERS, {}),
    ("sale.order", "action_recompute_value"): (SELLERS, {}),
    ("sale.order", "action_request_margin_approval"): (ORDER_WRITERS, {}),
    ("sale.order", "action_update_benefits"): (SELLERS, {}),
}

#: server action → who may run it from the menu of its records; crons: administrators, as all crons of Odoo
ACTIONS = {
    "action_server_recompute_company": SELLERS,
    "action_server_recompute_order": SELLERS,
    "action_server_recompute_partner": SELLERS,
    "action_server_request_margin_approval": SELLERS,
    "ir_cron_fit": ADMIN,
    "ir_cron_followup": ADMIN,
    "ir_cron_gifts": ADMIN,
    "ir_cron_mails": ADMIN,
    "ir_cron_month_ends": ADMIN,
    "ir_cron_monday": ADMIN,
    "ir_cron_recommend": ADMIN,
    "ir_cron_plans": ADMIN,
    "ir_cron_points": ADMIN,
    "ir_cron_refresh_all": ADMIN,
    "ir_cron_refresh_beside": ADMIN,
    "ir_cron_refresh_stale": ADMIN,
    "ir_cron_targets": ADMIN,
}


def render():
    """Return the three tables as Markdown."""
    lines = ["| model | read | write | create | delete |", "|---|---|---|---|---|"]
    lines += [f"| `{model}` | {' | '.join(WORDS[who] for who in rights)} |" for model, rights in sorted(MODELS.items())]
    lines += ["", "| public method | who may call it |", "|---|---|"]
    lines += [f"| `{model}.{method}` | {WORDS[who]} |" for (model, method), (who, _args) in sorted(METHODS.items())]
    lines += ["", "| server action or cron | who may run it |", "|---|---|"]
    lines += [f"| `{name}` | {WORDS[who]} |" for name, who in sorted(ACTIONS.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import re
    from pathlib import Path

    document = Path(__file__).parents[3] / "docs" / "rights.md"
    before, _tables, after = re.split(r"(?s)(?<=<!-- tables -->\n)(.*)(?=<!-- end of tables -->)", document.read_text())
    document.write_text(before + render() + after)

"""What must hold after whatever was tried: the books, the refresh, and the records that refused."""

import json

EVERYTHING = {"active_test": False}


def read(site, model, names, record_id):
    """Return the stored values of a record; None when it is gone."""
    rows = site.call(model, "search_read", domain=[("id", "=", record_id)], fields=sorted(names), context=EVERYTHING)
    return rows[0] if rows else None


def count(site, model):
    """Return how many records of a model there are, archived ones too."""
    return site.call(model, "search_count", domain=[], context=EVERYTHING)


def restore(door, model, names, before):
    """Write back what a record was, as far as it lets itself."""
    vals = {}
    for name in names.values():
        if not name.readonly and name.type not in ("one2many", "reference"):
            value = before[name.name]
            vals[name.name] = (
                value[0]
                if name.type == "many2one" and value
                else ([[6, 0, value]] if name.type == "many2many" else value)
            )
    if vals and door.post(model, "write", {"ids": [before["id"]], "vals": vals}, "admin")[0] >= 300:
        for name, value in vals.items():
            door.post(model, "write", {"ids": [before["id"]], "vals": {name: value}}, "admin")


def remove(door, model, record_ids):
    """Delete records, or archive those that must stay."""
    for record_id in record_ids:
        if door.post(model, "unlink", {"ids": [record_id]}, "admin")[0] >= 300:
            door.post(model, "write", {"ids": [record_id], "vals": {"active": False}}, "admin")


def assert_sound(site):
    """Refresh everything by its crons: nothing fails, nobody is left out, and the figures are those of the books."""
    newest = site.call("crm.value.run", "search", domain=[], limit=1, order="id desc")
    company = site.call(
        "res.users",
        "read",
        ids=site.call("res.users", "search", domain=[("login", "=", "admin")]),
        fields=["company_id"],
    )[0]["company_id"][0]
    # what was tried may have asked for it already
    site.call("crm.value", "action_recompute_company")
    for cron in ("ir_cron_refresh_all", "ir_cron_refresh_stale", "ir_cron_followup"):
        site.run_cron(f"crm_value_addon.{cron}")
    runs = site.call(
        "crm.value.run",
        "search_read",
        domain=[("id", ">", max(newest, default=0))],
        fields=["kind", "state", "message", "skipped"],
    )
    # whom a run of follow-ups left out waits for a place of the day
    wrong = [
        run
        for run in runs
        if run["state"] != "done" or run["message"] or (run["skipped"] and run["kind"] != "followup")
    ]
    assert not wrong, f"a refresh failed: {json.dumps(wrong)}"
    assert not count(site, "crm.value.queue"), "somebody was left in the queue"
    # what customers brought along is in no document
    brought = total(site, "crm.value.opening", "amount", [("company_id", "=", company), ("move_id", "=", False)])
    assert total(site, "crm.value", "revenue_total", [("company_id", "=", company)]) == brought + total(
        site,
        "account.move",
        "amount_untaxed_signed",
        [
            ("company_id", "=", company),
            ("state", "=", "posted"),
            ("commercial_partner_id", "!=", False),
            ("move_type", "in", ["out_invoice", "out_refund", "out_receipt"]),
        ],
    )


def total(site, model, name, domain):
    """Return the sum of a field in cents."""
    [row] = site.call(model, "formatted_read_group", domain=domain, groupby=[], aggregates=[f"{name}:sum"])
    return round(100 * (row[f"{name}:sum"] or 0))

"""What a database says of its customers: all that a refresh, tiers and follow-ups write, without ids and times."""

import re

_CUSTOMER = "(SELECT value.partner_id || '/' || value.company_id FROM crm_value value WHERE value.id = {}.value_id)"
_VALUE_TABLES = (
    "crm_value_snapshot",
    "crm_value_tier_change",
    "crm_value_followup",
    "crm_value_grant",
    "crm_value_tier_lock",
)
#: keys and moments, which no two runs share
_LEFT_OUT = {
    "id",
    "value_id",
    "create_date",
    "write_date",
    "frozen_at",
    "enqueued_at",
    "started_at",
    "finished_at",
    "activity_id",
    "message_id",
    "card_id",
    "alarm_id",
    "message_main_attachment_id",
}
_OTHERS = {
    "messages": """SELECT value.partner_id, value.company_id, message.body, count(*)
        FROM mail_message message JOIN crm_value value ON value.id = message.res_id
       WHERE message.model = 'crm.value' GROUP BY 1, 2, 3""",
    "activities": """SELECT activity.res_model, activity.res_id, activity.summary, activity.note, activity.user_id,
             activity.date_deadline, activity.active, activity.feedback, count(*)
        FROM mail_activity activity WHERE activity.value_followup_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8""",
    "mails": """SELECT message.model, message.res_id, message.subject, mail.state, count(*)
        FROM mail_mail mail JOIN mail_message message ON message.id = mail.mail_message_id
        JOIN crm_value_followup followup ON followup.message_id = message.id GROUP BY 1, 2, 3, 4""",
    "mails of nobody": """SELECT message.res_id, message.subject FROM mail_mail mail
        JOIN mail_message message ON message.id = mail.mail_message_id AND message.message_type = 'auto_comment'
       WHERE NOT EXISTS (SELECT FROM crm_value_followup followup WHERE followup.message_id = message.id)""",
    "cards": """SELECT partner_id, program_id, points, expiration_date, count(*)
        FROM loyalty_card GROUP BY 1, 2, 3, 4""",
    # a run of the queue or of follow-ups is of what is left, and not taken up again when it was interrupted
    "runs": """SELECT company_id, kind, state, as_of_date, kind = 'followup' OR total = processed, skipped, notes::text,
             CASE WHEN kind != 'followup' THEN total END, boundaries::text
        FROM crm_value_run WHERE kind != 'incremental'""",
    "failed": "SELECT kind, state, notes::text FROM crm_value_run WHERE state != 'done'",
}


def state(query, forgiving=False):
    """Return {what: sorted rows as text}.

    :param query: function from a statement to rows
    :param forgiving: leave out the records of runs that failed
    """
    found = {
        "crm_value": _rows(query, "crm_value", "partner_id || '/' || company_id"),
        "crm_value_document": _rows(query, "crm_value_document", "''"),
        "crm_value_queue": _rows(query, "crm_value_queue", "''"),
    }
    for table in _VALUE_TABLES:
        found[table] = _rows(query, table, _CUSTOMER.format(f'"{table}"'))
    found |= {name: sorted(map(str, query(statement))) for name, statement in _OTHERS.items()}
    if forgiving:
        found["failed"] = sorted(map(str, query(f"{_OTHERS['failed']} AND state != 'failed'")))
        found["runs"] = sorted(map(str, query(f"{_OTHERS['runs']} AND state != 'failed'")))
    return found


def _rows(query, table, customer):
    columns = [
        f'"{table}"."{name}"'
        for [name] in query(
            f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY 1"
        )
        if name not in _LEFT_OUT
    ]
    rows = query(f'SELECT {customer}, {", ".join(columns)} FROM "{table}"')
    # what a follow-up is about is told by the id of a line in the log of tiers
    return sorted(re.sub(r"'move-\d+'", "'move'", str(row)) for row in rows)


def differences(one, other, most=6):
    """Return in words what differs between two states, nothing when they are equal."""
    said = []
    for name in one:
        missing, more = list(one[name]), []
        counted = {}
        for row in missing:
            counted[row] = counted.get(row, 0) + 1
        for row in other[name]:
            if counted.get(row):
                counted[row] -= 1
            else:
                more.append(row)
        missing = [row for row, count in counted.items() for _time in range(count)]
        if missing or more:
            said.append(f"{name}: {len(missing)} missing, {len(more)} more")
            said += [f"  - {row[:1500]}" for row in missing[:most]] + [f"  + {row[:1500]}" for row in more[:most]]
    return "\n".join(said)

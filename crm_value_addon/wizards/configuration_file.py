"""The format of a configuration file: which records and which of their fields it holds."""

from dataclasses import dataclass, field

from odoo import models

FORMAT = "crm_value_addon configuration"
VERSION = 1
#: the models in the order in which they are imported; each with the fields that tell two of its records apart
KINDS = {
    "crm.value.tier": ["name", "scheme"],
    "crm.value.tier.criterion": ["tier_id", "metric"],
    "crm.value.benefit": [
        "tier_id",
        "benefit_type",
        "occasion",
        "pricelist_id",
        "payment_term_id",
        "program_id",
        "user_id",
        "date_from",
    ],
    "crm.value.rfm.segment": ["name"],
    "crm.value.feedback.kind": ["name", "source"],
    "crm.value.feedback.cause": ["name"],
    "crm.value.leaving.reason": ["name"],
    "crm.value.followup.rule": ["name", "trigger"],
    "crm.value.target": ["metric", "team_id", "seller_id", "tier_id"],
}
#: the field that names a record of another model, where it is not the model's own
NAMES = {"res.users": "login"}


@dataclass
class Import:
    """An import in progress."""

    company: models.Model
    #: id of a record in the file → the record here; empty for a new one
    found: dict = field(default_factory=dict)
    #: sentences about what is missing or wrong in the file
    problems: list = field(default_factory=list)


def carried_fields(model):
    """Return the names of the fields that a user decides on: stored and writable, without lists of other records."""
    return [
        name
        for name, field in model._fields.items()
        if field.store
        and not field.readonly
        and not field.related
        and field.type not in ("one2many", "many2many")
        and name not in models.MAGIC_COLUMNS
        and name != "company_id"
        and not name.startswith(("message_", "activity_", "website_message_"))
    ]


def carried_settings(company):
    """Return the names of the settings: the stored fields that the addon adds to a company."""
    return [
        name
        for name in carried_fields(company)
        if name.startswith("value_") and "crm_value_addon" in company._fields[name]._modules
    ]


def name_field(model):
    """Return the field by which a file names a record that it does not hold."""
    return NAMES.get(model._name, model._rec_name)


def is_complete(data):
    """Return whether the data of a file has settings, and records with a known model and their values."""
    records = data.get("records", [])
    return (
        isinstance(data.get("settings"), dict)
        and isinstance(records, list)
        and all(
            isinstance(record, dict) and record.get("model") in KINDS and isinstance(record.get("values"), dict)
            for record in records
        )
    )

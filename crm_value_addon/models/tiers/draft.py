"""New tiers and follow-up rules: drafts where a person makes them on a screen, in use where code does."""

#: context key of the actions whose new records count only once they are switched on; a key of our own, because
#: `default_active` would reach every other record that is made on the way
AS_DRAFT = "value_new_as_draft"


def is_draft_by_default(records):
    """Tell whether new records are drafts, by the context of the action that they are made in."""
    return bool(records.env.context.get(AS_DRAFT))

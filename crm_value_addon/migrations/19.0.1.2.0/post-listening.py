"""Ideas and complaints are cases from now on; their kinds, which no update of the data touches, say so."""

_NATURES = {"feedback_kind_idea": ("idea", 14), "feedback_kind_complaint": ("complaint", 3)}


def migrate(cr, version):
    """Set what the kinds are where nobody has chosen yet."""
    for name, (nature, days) in _NATURES.items():
        cr.execute(
            """UPDATE crm_value_feedback_kind kind SET nature = %s, answer_days = %s FROM ir_model_data data
                WHERE data.module = 'crm_value_addon' AND data.name = %s AND data.res_id = kind.id
                  AND kind.nature = 'note'""",
            [nature, days, name],
        )

"""Manual tiers of two demonstration customers."""

#: customer → (tier, reason, whether the lock still holds)
_LOCKS = {
    "Parish of St Anselm": ("silver", "Serves our coffee at the town's charity market", True),
    "Brasserie du Nord": ("gold", "Kept Gold while the restaurant was rebuilt", False),
}


def load(env, company):
    """Lock a customer's tier, and end the lock of another, whose tier then expires after the grace period."""
    manager = env.ref("base.user_admin")
    for name, (tier, reason, is_on) in _LOCKS.items():
        value = env["crm.value"].search([("partner_id.name", "=", name), ("company_id", "=", company.id)], limit=1)
        if value and not value.with_context(active_test=False).tier_lock_ids:
            lock = (
                env["crm.value.tier.lock"]
                .with_user(manager)
                .sudo()
                .create({"value_id": value.id, "tier_id": env.ref(f"crm_value_addon.tier_{tier}").id, "reason": reason})
            )
            if not is_on:
                lock.action_end()

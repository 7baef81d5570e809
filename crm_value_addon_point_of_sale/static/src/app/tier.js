const { DateTime } = luxon;

/** flags of a customer, as models/crm_value_till_tier.py sets them */
const CAUTION = 1;
const PAUSED = 2;
const NOTHING = { tiers: [], gated: {}, pricelists: [], rate: 1, receipt: false };

/** Return the tiers of a till, as the server told them with its configuration. */
export function tillTiers(config) {
    return config?._value_till || NOTHING;
}

/**
 * Return what the till knows of a customer.
 *
 * @returns {Object} tier (undefined without one), isCautioned, isPaused, readAt (null where nothing was read), and gaps:
 *  {tier, gap} of each higher tier that an amount brings, from the lowest, in the company's currency
 */
export function customerTier(partner, config) {
    const { tiers } = tillTiers(config);
    if (!partner) {
        return { isCautioned: false, isPaused: false, readAt: null, gaps: [] };
    }
    const [tierId, flags, readAt, amounts] = partner.value_till || [0, 0, null, tiers.map((tier) => tier.gap)];
    const level = tiers.findIndex((tier) => tier.id === tierId) + 1;
    return {
        tier: tiers[level - 1],
        isCautioned: Boolean(flags & CAUTION),
        isPaused: Boolean(flags & PAUSED),
        readAt: readAt && DateTime.fromSeconds(readAt),
        gaps: tiers
            .slice(level)
            .map((tier, index) => ({ tier, gap: amounts[index] || 0 }))
            .filter(({ gap }) => gap > 0),
    };
}

/** Return the benefits of a customer's tier that hold today; none while they pause. */
export function customerBenefits(partner, config) {
    const { tier, isPaused } = customerTier(partner, config);
    const today = DateTime.now().toISODate();
    return tier && !isPaused
        ? tier.benefits.filter(({ from, to }) => (from || today) <= today && today <= (to || today))
        : [];
}

/**
 * Return what a sale does to the tier of a customer.
 *
 * @param {number} amount untaxed, in the currency of the till
 * @returns {Object} reached: the tier that the sale brings; next: the tier after it, and missing: what it still takes, in
 *  the currency of the till; each undefined where there is none
 */
export function tierProgress(partner, config, amount) {
    const { gaps } = customerTier(partner, config);
    const { rate } = tillTiers(config);
    const brought = gaps.filter(({ gap }) => gap * rate <= amount);
    const open = gaps.find(({ gap }) => gap * rate > amount);
    return {
        reached: brought.at(-1)?.tier,
        next: open?.tier,
        missing: open && open.gap * rate - amount,
    };
}

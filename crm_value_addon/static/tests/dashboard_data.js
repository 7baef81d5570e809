const domain = (name) => [["name", "=", name]];

const sums = (name, count, revenue) => ({
    count,
    domain: domain(name),
    revenue,
    margin: revenue / 2,
    clv: revenue * 2,
});

/** The answer of the server for a company with ten customers; only the figures that a test reads are filled in. */
export function dashboardData(changes = {}) {
    const at_risk = sums("at_risk", 2, 400);
    return {
        state: "ok",
        progress: false,
        period: "month",
        start: "2025-06-01",
        companies: [{ id: 1, name: "Hermit" }],
        company_id: 1,
        first_hour: [],
        currency_id: 1,
        left_out: [],
        sees_worth: true,
        freshness: ["Figures are 3 minutes old."],
        customers: {
            known: sums("known", 12, 1000),
            bought: sums("bought", 10, 1000),
            active: sums("active", 8, 600),
            at_risk,
            revenue_at_risk: sums("revenue_at_risk", 9, 300),
            equity: 2000,
            bought_in_period: { count: 4, domain: domain("lately") },
            won_in_period: { count: 1, domain: domain("first") },
            won_before: { count: 2, domain: domain("first_before") },
            lost_in_period: { count: 3, domain: domain("lost") },
            lost_before: { count: 0, domain: domain("lost_before") },
        },
        tiers: {
            best: { count: 2, domain: domain("best"), of: 10, least: 300, share: 0.8 },
            rows: [
                { id: 2, name: "Gold", color: 3, icon: "fa-trophy", ...sums("gold", 2, 800) },
                { id: 1, name: "Bronze", color: 2, icon: "fa-star", ...sums("bronze", 8, 200) },
            ],
        },
        lifecycle: {
            rows: [
                { stage: "lead", name: "Lead", ...sums("lead", 2, 0) },
                { stage: "active", name: "Active", ...sums("active", 8, 600) },
                { stage: "at_risk", name: "At risk", ...at_risk },
            ],
            win_back: {
                tried: sums("tried", 0, 0),
                back: sums("back", 0, 0),
                rate: false,
                rate_without: false,
                cost: 0,
            },
        },
        rfm: {
            cells: [
                { r: 5, f: 5, ...sums("rfm55", 3, 900) },
                { r: 1, f: 2, ...sums("rfm12", 7, 100) },
            ],
        },
        cohorts: {
            rows: [
                {
                    name: "Q1 2025",
                    count: 5,
                    domain: domain("cohort"),
                    cells: [{ count: 4, share: 0.8, domain: domain("again"), is_running: true }],
                },
                { name: "Q2 2025", count: 5, domain: domain("young"), cells: [] },
            ],
        },
        forecast: {
            expected: { count: 9, domain: domain("expected"), revenue: 1200, margin: 480, interval: [900, 1500] },
            calibration: {
                model: "crm.value.fit",
                id: 7,
                days: 180,
                is_used: true,
                trust: "It can be trusted.",
                rows: [
                    { purchases: "1", customers: 6, actual: 0.5, expected: 0.75 },
                    { purchases: "2+", customers: 4, actual: 2, expected: 1.5 },
                ],
            },
        },
        trend: {
            points: [
                {
                    date: "2025-05-31",
                    is_now: false,
                    is_reconstructed: false,
                    amount: 1600,
                    count: 9,
                    domain: domain("may"),
                    model: "crm.value.snapshot",
                },
                {
                    date: "2025-06-30",
                    is_now: true,
                    is_reconstructed: false,
                    amount: 2000,
                    count: 12,
                    domain: domain("known"),
                },
            ],
            change: { since: "2025-05-31", amount: 400, share: 0.25 },
        },
        tier_changes: {
            cells: [
                {
                    from: 1,
                    to: 2,
                    from_name: "Bronze",
                    to_name: "Gold",
                    is_up: true,
                    count: 3,
                    domain: domain("risen"),
                    model: "crm.value.tier.change",
                },
            ],
            up: { count: 3, domain: domain("up"), model: "crm.value.tier.change" },
            down: { count: 0, domain: domain("down"), model: "crm.value.tier.change" },
            entered: { count: 2, domain: domain("entered"), model: "crm.value.tier.change" },
        },
        calls: {
            rows: [
                { id: 5, name: "Azure", phone: "+1 555", reason: "At risk", is_due: false, worth: 40 },
                { id: 6, name: "Blue", phone: "", reason: "Say thanks, due today", is_due: true, worth: 30 },
            ],
            due: { domain: domain("due"), model: "crm.value.followup" },
        },
        ...changes,
    };
}

/** The same answer for a user who may not see what customers are worth. */
export function sellerData() {
    const strip = (node) =>
        Array.isArray(node)
            ? node.map(strip)
            : node && typeof node === "object"
              ? Object.fromEntries(
                    Object.entries(node)
                        .filter(([name]) => !["margin", "clv", "equity"].includes(name))
                        .map(([name, child]) => [name, strip(child)])
                )
              : node;
    return { ...strip(dashboardData()), sees_worth: false };
}

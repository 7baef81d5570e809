import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { after, beforeEach, describe, expect, test } from "@odoo/hoot";
import { queryAll, queryAllTexts, queryOne, queryText } from "@odoo/hoot-dom";
import { animationFrame } from "@odoo/hoot-mock";
import { xml } from "@odoo/owl";
import {
    allowTranslations,
    contains,
    defineParams,
    getService,
    mountWebClient,
    onRpc,
    patchWithCleanup,
    preloadBundle,
} from "@web/../tests/web_test_helpers";
import { registry } from "@web/core/registry";

import { DashboardChart } from "@crm_value_addon/dashboard/dashboard_chart";
import { DashboardFormat } from "@crm_value_addon/dashboard/dashboard_format";
import { DashboardSection } from "@crm_value_addon/dashboard/dashboard_section";

import { dashboardData, sellerData } from "./dashboard_data";

defineMailModels();
preloadBundle("web.chartjs_lib");

const charts = [];

beforeEach(() => {
    charts.length = 0;
    patchWithCleanup(DashboardChart.prototype, {
        get config() {
            const config = super.config;
            charts.push(config);
            return config;
        },
    });
});

/** Open the dashboard; each request to the action service becomes an entry of `followed`. */
async function openDashboard(answer = dashboardData(), followed = []) {
    onRpc("crm.value.dashboard", "read_dashboard", ({ kwargs }) => {
        expect.step(`read ${kwargs.period} ${kwargs.company_id}`);
        return typeof answer === "function" ? answer(kwargs) : answer;
    });
    await mountWebClient();
    await getService("action").doAction({
        type: "ir.actions.client",
        tag: "crm_value_dashboard",
        name: "Customer Value",
    });
    patchWithCleanup(getService("action"), {
        async doAction(action) {
            followed.push(action);
        },
    });
    return followed;
}

const opened = (followed) => followed.map(({ res_model, domain }) => [res_model, domain?.[0][2]]);

describe("figures", () => {
    test("one call brings all sections", async () => {
        await openDashboard();
        expect.verifySteps(["read month false"]);
        expect(queryAll(".o_value_dashboard section[data-section]").map((card) => card.dataset.section)).toEqual([
            "trend",
            "calls",
            "tiers",
            "lifecycle",
            "cohorts",
            "rfm",
            "forecast",
            "tier_changes",
        ]);
        expect(".o_value_dashboard [role=status]").toHaveText("Figures are 3 minutes old.");
        expect("[data-tile=equity] .fs-2").toHaveText(/2,000/);
        expect("[data-tile=equity]").toHaveText(/400.*\+25%.*since May 31/);
        expect("[data-tile=expected]").toHaveText(/between .*900.* and .*1,500/);
        expect("[data-tile=at_risk]").toHaveText(/300.*churn probability, 30% of all.*2 customers at risk/s);
    });

    test("what is at stake is asked once the page is drawn", async () => {
        const figure = (revenue) => ({
            count: 2,
            customers: 1,
            revenue,
            model: "crm.value.product",
            domain: [["id", "in", [revenue]]],
        });
        onRpc("crm.value.dashboard", "read_section", ({ args }) => {
            expect.step(`${args[0]} ${args[1]}`);
            return { lost: figure(300), shrinking: figure(80), rows: [{ name: "Bakery", ...figure(380) }] };
        });
        const data = dashboardData({ products: { asked: ["products", "month", false, {}] } });
        const followed = await openDashboard(data);
        await animationFrame();
        expect.verifySteps(["read month false", "products month"]);
        expect("[data-section=products]").toHaveText(
            /No longer bought.*300.*2 products.*Bought less.*80.*Bakery.*380/s
        );
        await contains("[data-section=products] ol button").click();
        expect(opened(followed)).toEqual([["crm.value.product", [380]]]);
    });

    test("another module adds a section", async () => {
        class Extra extends DashboardSection {
            static template = xml`<DashboardCard name="props.name" title="'Extra'"><t t-esc="section.text"/></DashboardCard>`;
        }
        const sections = registry.category("crm_value_dashboard_sections");
        sections.add("extra", { Component: Extra, width: 12 }, { sequence: 15 });
        sections.add("unread", { Component: Extra, width: 12 });
        after(() => ["extra", "unread"].forEach((name) => sections.remove(name)));
        await openDashboard(dashboardData({ extra: { text: "From the server" } }));
        expect("section[data-section]:first").toHaveText(/Extra\s+From the server/);
        expect("section[data-section=unread]").toHaveCount(0);
        expect.verifySteps(["read month false"]);
    });

    test("every tile opens the list behind it", async () => {
        const followed = await openDashboard();
        for (const button of queryAll("[data-section=customers] button")) {
            await contains(button).click();
        }
        expect(opened(followed)).toEqual(
            [
                "known",
                "active",
                "bought",
                "lately",
                "first",
                "first_before",
                "lost",
                "lost_before",
                "revenue_at_risk",
                "at_risk",
                "expected",
            ].map((name) => ["crm.value", name])
        );
        expect(followed[0].views[0]).toEqual([false, "list"]);
        expect(followed[0].mobile_view_mode).toBe("kanban");
        expect.verifySteps(["read month false"]);
    });

    test("every other number opens the list behind it", async () => {
        const followed = await openDashboard();
        const press = async (section) => {
            followed.length = 0;
            for (const button of queryAll(
                `section[data-section=${section}] .table-responsive button, ` +
                    `section[data-section=${section}] > .card-body > p button, ` +
                    `section[data-section=${section}] li button`
            )) {
                if (!button.closest("details")) {
                    await contains(button).click();
                }
            }
            return opened(followed);
        };
        expect(await press("tiers")).toEqual([
            ["crm.value", "best"],
            ...Array(4).fill(["crm.value", "gold"]),
            ...Array(4).fill(["crm.value", "bronze"]),
        ]);
        expect(await press("lifecycle")).toEqual(["lead", "active", "at_risk"].map((name) => ["crm.value", name]));
        expect(await press("rfm")).toEqual(["rfm55", "rfm12"].map((name) => ["crm.value", name]));
        expect(await press("cohorts")).toEqual(["cohort", "again", "young"].map((name) => ["crm.value", name]));
        expect(await press("tier_changes")).toEqual(
            ["up", "entered", "down", "risen"].map((name) => ["crm.value.tier.change", name])
        );
        expect(await press("calls")).toEqual([
            ["crm.value", undefined],
            ["crm.value", undefined],
        ]);
        expect(followed.map((action) => action.res_id)).toEqual([5, 6]);
        expect.verifySteps(["read month false"]);
    });

    test("what was reconstructed is a line of its own, and says so", async () => {
        const data = dashboardData();
        data.trend.points[0].is_reconstructed = true;
        await openDashboard(data);
        const trend = charts.find((chart) => chart.type === "line");
        expect(trend.data.datasets.map((one) => one.data)).toEqual([
            [null, 2000],
            [1600, null],
        ]);
        expect(trend.data.datasets[1].borderDash).toEqual([6, 4]);
        expect("section[data-section=trend] [data-note=reconstructed]").toHaveText(/^Up to May 25 reconstructed/);
        await contains("section[data-section=trend] summary").click();
        expect("section[data-section=trend] tbody tr:eq(0) th").toHaveText("May 25 (reconstructed)");
        expect.verifySteps(["read month false"]);
    });

    test("a point of a chart opens the list behind it, and so does its table", async () => {
        const followed = await openDashboard();
        const [trend, calibration] = ["line", "bar"].map((type) => charts.find((chart) => chart.type === type));
        expect(trend.data.datasets[0].data).toEqual([1600, 2000]);
        trend.options.onClick({}, [{ index: 0 }]);
        trend.options.onClick({}, []);
        expect(calibration.data.datasets.map((one) => one.data)).toEqual([
            [0.5, 2],
            [0.75, 1.5],
        ]);
        calibration.options.onClick({}, [{ index: 1 }]);
        await contains("section[data-section=trend] summary").click();
        await contains("section[data-section=trend] tbody tr:eq(0) button").click();
        expect(opened(followed)).toEqual([
            ["crm.value.snapshot", "may"],
            ["crm.value.fit", undefined],
            ["crm.value.snapshot", "may"],
        ]);
        expect.verifySteps(["read month false"]);
    });

    test("what is drawn stands in a table", async () => {
        await openDashboard();
        expect(".o_value_dashboard canvas").toHaveCount(2);
        expect("[aria-hidden=true] > canvas").toHaveCount(2);
        await contains("section[data-section=forecast] summary").click();
        expect(queryAllTexts("section[data-section=forecast] tbody td")).toEqual(["6", "0.5", "0.75", "4", "2", "1.5"]);
        expect("section[data-section=forecast] caption").toHaveCount(1);
        expect.verifySteps(["read month false"]);
    });

    test("every button has a name, every section a heading", async () => {
        await openDashboard();
        for (const button of queryAll(".o_value_dashboard_content button, .o_value_dashboard_content a")) {
            expect(button.getAttribute("aria-label") || button.textContent.trim()).not.toBe("");
        }
        for (const card of queryAll(".o_value_dashboard section[data-section]")) {
            expect(queryText(`[id=${card.getAttribute("aria-labelledby")}]`)).not.toBe("");
        }
        expect.verifySteps(["read month false"]);
    });

    test("the grid shows customers or revenue", async () => {
        await openDashboard();
        expect(queryAllTexts("section[data-section=rfm] td button")).toEqual(["3", "7"]);
        await contains("section[data-section=rfm] .btn-group button:eq(1)").click();
        expect(queryAllTexts("section[data-section=rfm] td button").map((text) => text.match(/\d+/)[0])).toEqual([
            "900",
            "100",
        ]);
        expect("section[data-section=rfm] .btn-group button:eq(1)").toHaveAttribute("aria-pressed", "true");
        expect.verifySteps(["read month false"]);
    });

    test("a period is asked for again", async () => {
        await openDashboard(({ period }) => dashboardData({ period }));
        await contains(".btn-group[aria-label=Period] button:eq(2)").click();
        expect("[data-tile=active]").toHaveText(/Last 12 months/);
        expect(".btn-group[aria-label=Period] button.active").toHaveText("Last 12 months");
        expect.verifySteps(["read month false", "read year false"]);
    });

    test("every filter is asked for, and can be taken back", async () => {
        onRpc("crm.value.dashboard.filter", "read_choices", () => ({ country_id: [[75, "France"]] }));
        await openDashboard(({ filters }) => {
            expect.step(JSON.stringify(filters));
            return filters.country_id ? { ...dashboardData(), state: "filtered" } : dashboardData();
        });
        await contains("[data-filter=mine]").click();
        expect("[data-filter=mine]").toHaveAttribute("aria-pressed", "true");
        await contains("[data-filter=mine]").click();
        await contains("[data-filter=more]").click();
        expect("select[data-filter]").toHaveCount(1);
        await contains("select[data-filter=country_id]").select("75");
        expect("[data-section=filtered]").toHaveText(/No customer is like that/);
        await contains("[data-section=filtered] button").click();
        expect("section[data-section=calls]").toHaveCount(1);
        expect.verifySteps([
            "read month false",
            "{}",
            "read month false",
            '{"user_id":7}',
            "read month false",
            '{"user_id":false}',
            "read month false",
            '{"user_id":false,"country_id":75}',
            "read month false",
            "{}",
        ]);
    });

    test("one of several companies", async () => {
        await openDashboard(
            dashboardData({
                companies: [
                    { id: 1, name: "Hermit" },
                    { id: 2, name: "Heroes" },
                ],
                left_out: ["Heroes"],
            })
        );
        expect(".o_value_dashboard [role=status]").toHaveText(/Not included.*Heroes/);
        await contains("select[aria-label=Company]").select("2");
        expect.verifySteps(["read month false", "read month 2"]);
    });
});

describe("states", () => {
    test("without the right to see what customers are worth", async () => {
        await openDashboard(sellerData());
        expect("[data-tile=equity] h2").toHaveText("Revenue, last 12 months");
        expect("[data-tile=equity] .fs-2").toHaveText(/1,000/);
        expect(queryAllTexts("section[data-section=tiers] thead th")).toEqual(["Tier", "Customers", "Revenue 12 m"]);
        expect(queryOne(".o_value_dashboard").textContent).not.toMatch(/margin|CLV|equity|lifetime/i);
        expect.verifySteps(["read month false"]);
    });

    test("no customers yet", async () => {
        await openDashboard({ ...dashboardData(), state: "empty", customers: undefined, forecast: undefined });
        expect("[data-section=empty] h2").toHaveText("No customers yet");
        expect(".o_value_dashboard canvas").toHaveCount(0);
        expect.verifySteps(["read month false"]);
    });

    test("no refresh yet: it can be asked for", async () => {
        let isRefreshed = false;
        onRpc("crm.value", "action_recompute_company", () => {
            isRefreshed = true;
            expect.step("recompute");
            return { type: "ir.actions.client", tag: "display_notification" };
        });
        await openDashboard(() => (isRefreshed ? dashboardData() : dashboardData({ state: "waiting" })));
        expect("[data-section=waiting] h2").toHaveText("The figures are not there yet");
        await contains("[data-section=waiting] .btn-primary").click();
        await animationFrame();
        expect("[data-section=waiting]").toHaveCount(0);
        expect("[data-tile=equity]").toHaveCount(1);
        expect.verifySteps(["read month false", "recompute", "read month false"]);
    });

    test("the first hour: open a step, hide the list", async () => {
        const step = (name, changes) => ({
            name,
            title: name,
            text: "",
            button: "Go",
            is_done: false,
            is_open: true,
            ...changes,
        });
        const steps = [step("refresh", { is_done: true, is_open: false }), step("tiers")];
        onRpc("crm.value.first.hour", "open_step", ({ args }) => {
            expect.step(args);
            return { type: "ir.actions.act_window", res_model: "crm.value.tier" };
        });
        onRpc("crm.value.first.hour", "close", ({ args }) => {
            expect.step(["close", ...args]);
            return true;
        });
        const followed = await openDashboard(dashboardData({ first_hour: steps }));
        expect("[data-step]").toHaveCount(2);
        expect("[data-step=refresh] .fa-check-circle").toHaveCount(1);
        expect("[data-step=refresh] button").toHaveCount(0);
        await contains("[data-step=tiers] button").click();
        expect(followed.map((action) => action.res_model)).toEqual(["crm.value.tier"]);
        await contains("[data-section=first_hour] .btn-link").click();
        expect("[data-section=first_hour]").toHaveCount(0);
        expect.verifySteps(["read month false", ["tiers", 1], ["close", 1]]);
    });

    test("a refresh that waits, or is under way", async () => {
        let progress = "queued";
        await openDashboard(() => dashboardData({ state: "waiting", progress }));
        expect("[data-section=waiting]").toHaveText(/starts within a minute/);
        progress = 40;
        await contains("[data-section=waiting] .btn-primary").click();
        expect("[data-section=waiting] [role=progressbar]").toHaveAttribute("aria-valuenow", "40");
        expect.verifySteps(["read month false", "read month false"]);
    });

    test("one customer, no fit, no month end, no moves, nobody to call", async () => {
        const data = dashboardData();
        data.tiers.best = { count: 1, of: 1, share: 1, least: 5, domain: [] };
        data.rfm.cells = [];
        data.cohorts.rows = [];
        data.forecast.calibration = false;
        data.forecast.expected.interval = false;
        data.trend = { points: data.trend.points.slice(1), change: false };
        data.tier_changes.cells = [];
        data.calls.rows = [];
        await openDashboard(data);
        expect("section[data-section=tiers] p").toHaveCount(0);
        expect("section[data-section=forecast]").toHaveText(/No prediction has been tried/);
        expect("section[data-section=forecast] details").toHaveCount(0);
        expect("section[data-section=cohorts] table").toHaveCount(0);
        expect("[data-tile=equity]").toHaveText(/No month's end to compare with yet/);
        expect("[data-tile=expected]").toHaveText(/not tried on the past/);
        expect("section[data-section=tier_changes]").toHaveText(/No customer changed tier/);
        expect("section[data-section=calls]").toHaveText(/No customer is at risk/);
        expect.verifySteps(["read month false"]);
    });

    test("a fall is red, without a share where there was nothing", async () => {
        await openDashboard(
            dashboardData({
                trend: {
                    points: dashboardData().trend.points,
                    change: { since: "2025-05-31", amount: -400, share: false },
                },
            })
        );
        expect("[data-tile=equity] .text-danger").toHaveText(/-.*400 since/);
        expect.verifySteps(["read month false"]);
    });

    test("from right to left, charts are mirrored", async () => {
        defineParams({ lang_parameters: { direction: "rtl" } });
        await openDashboard();
        expect(charts[0].options.scales.x.reverse).toBe(true);
        expect(charts[0].options.scales.y.position).toBe("right");
        expect.verifySteps(["read month false"]);
    });
});

describe("format", () => {
    test("large amounts are compact, small shares have a decimal", () => {
        allowTranslations();
        const format = new DashboardFormat(false);
        expect(format.money(99999.4)).toBe("99,999");
        expect(format.money(123456)).toBe("123.5k");
        expect(format.money(-2500000)).toBe("-2.5M");
        expect(format.percent(0.025)).toBe("2.5%");
        expect(format.percent(0.25)).toBe("25%");
        expect(format.percent(-0.0001)).toBe("0%");
        expect(format.customers(1)).toBe("1 customer");
        expect(format.customers(1200)).toBe("1,200 customers");
    });

    test("bars and veils", () => {
        const format = new DashboardFormat(false);
        expect([
            format.width(1, 1000),
            format.width(0, 10),
            format.width(5, 10),
            format.width(-5, 10),
            format.width(20, 10),
        ]).toEqual([1, 0, 50, 0, 100]);
        expect([format.veil(0, 10), format.veil(-1, 10), format.veil(3, 0)]).toEqual(["", "", ""]);
        expect(format.veil(10, 10)).toMatch(/0\.50\)/);
    });
});

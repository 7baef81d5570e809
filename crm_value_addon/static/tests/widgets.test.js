import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { expect, test } from "@odoo/hoot";
import { queryAll, queryAllTexts } from "@odoo/hoot-dom";
import { animationFrame, Deferred } from "@odoo/hoot-mock";
import {
    contains,
    defineModels,
    fields,
    getService,
    models,
    mountView,
    onRpc,
    patchWithCleanup,
    preloadBundle,
} from "@web/../tests/web_test_helpers";

import { ValueChartField } from "@crm_value_addon/value_chart/value_chart";

class Value extends models.Model {
    _name = "crm.value";

    name = fields.Char();
    currency_id = fields.Many2one({ relation: "res.currency" });
    chart = fields.Json({ string: "Month by month" });
    explanation = fields.Json();
    is_previewed = fields.Boolean();

    _records = [
        {
            id: 1,
            name: "Azure",
            currency_id: 1,
            chart: {
                kind: "bar",
                labels: ["May", "June"],
                x_title: "Month",
                y_title: "Amount",
                series: [
                    { label: "Bought", values: [1.5, 2000] },
                    { label: "Expected", values: [1, 2] },
                ],
            },
            explanation: {
                clv: 80,
                realised_value: -10,
                realised: {
                    margin: 50,
                    cost: 60,
                    inputs: ["60 of freight"],
                    records: [{ key: "costs", label: "Costs" }],
                },
                nightly: "As of last night",
                documents: ["INV/1, 06/01/2025: Purchase. A purchase of $ 300.00, advances left out."],
                parts: [
                    {
                        name: "transaction_value",
                        label: "Purchases",
                        sign: 1,
                        amount: 100,
                        configured: true,
                        inputs: ["2 purchases expected"],
                        records: [{ key: "purchases", label: "Purchases" }],
                    },
                    {
                        name: "service_cost",
                        label: "Cost to serve",
                        sign: -1,
                        amount: 20,
                        configured: true,
                        inputs: [],
                        records: [],
                    },
                ],
                since: {
                    as_of_date: "2025-05-31",
                    change: 30,
                    parts: [
                        { name: "transaction_value", label: "Purchases", change: 30 },
                        { name: "service_cost", label: "Cost to serve", change: 0 },
                    ],
                },
            },
        },
        { id: 2, name: "Blue", currency_id: 1, chart: { labels: [], series: [] }, explanation: false },
    ];
}

class Currency extends models.Model {
    _name = "res.currency";

    name = fields.Char();
    _records = [{ id: 1, name: "USD" }];
}

defineMailModels();
defineModels([Value, Currency]);
preloadBundle("web.chartjs_lib");

const open = (resId, arch) => mountView({ resModel: "crm.value", type: "form", resId, arch: `<form>${arch}</form>` });

const numbers = (texts) => texts.map((text) => text.replace(/[^\d.+-]/g, ""));

test("value_chart draws its series and tells them in a table", async () => {
    let drawn;
    patchWithCleanup(ValueChartField.prototype, {
        config(chart) {
            drawn = super.config(chart);
            return drawn;
        },
    });
    await open(1, `<field name="chart" widget="value_chart"/>`);
    expect(".o_value_chart canvas").toHaveCount(1);
    expect(drawn.type).toBe("bar");
    expect(drawn.data.labels).toEqual(["May", "June"]);
    expect(drawn.data.datasets.map((one) => one.data)).toEqual([
        [1.5, 2000],
        [1, 2],
    ]);
    await contains(".o_value_chart summary").click();
    expect(queryAllTexts(".o_value_chart tbody tr > *")).toEqual(["May", "1.5", "1", "June", "2,000", "2"]);
    expect(".o_value_chart caption").toHaveText("Month by month");
});

test("value_chart says when there is nothing to draw", async () => {
    await open(2, `<field name="chart" widget="value_chart"/>`);
    expect(".o_value_chart").toHaveCount(0);
    expect(".o_field_value_chart").toHaveText("Not enough history to draw this.");
});

test("value_waterfall places each part where the one before ends", async () => {
    await open(1, `<field name="currency_id" invisible="1"/><field name="explanation" widget="value_waterfall"/>`);
    expect(numbers(queryAllTexts(".o_value_waterfall .text-end"))).toEqual(["100.00", "-20.00", "80.00", "-10.00"]);
    const bars = queryAll(".o_value_waterfall .position-absolute").map((bar) => [
        parseFloat(bar.style.left),
        parseFloat(bar.style.width),
        bar.className.match(/bg-\w+/)[0],
    ]);
    expect(bars).toEqual([
        [0, 100, "bg-success"],
        [80, 20, "bg-danger"],
        [0, 80, "bg-primary"],
    ]);
    expect(".o_value_waterfall .text-danger").toHaveText(/10\.00/);
    expect(".o_value_waterfall p").toHaveText(/Since May 31.*: .*30\.00 \(Purchases .*30\.00\)/);
});

test("value_waterfall opens the records behind a part", async () => {
    onRpc("crm.value", "action_open_part", ({ args }) => {
        expect.step(JSON.stringify(args));
        return { type: "ir.actions.act_window_close" };
    });
    await open(1, `<field name="currency_id" invisible="1"/><field name="explanation" widget="value_waterfall"/>`);
    patchWithCleanup(getService("action"), {
        async doAction(action) {
            expect.step(action.type);
        },
    });
    for (const button of queryAll(".o_value_waterfall button")) {
        await contains(button).click();
    }
    expect.verifySteps([
        '[[1],"purchases"]',
        "ir.actions.act_window_close",
        '[[1],"costs"]',
        "ir.actions.act_window_close",
    ]);
});

test("value_waterfall without an explanation shows nothing", async () => {
    await open(2, `<field name="currency_id" invisible="1"/><field name="explanation" widget="value_waterfall"/>`);
    expect(".o_value_waterfall").toHaveCount(0);
});

test("tier_simulation_preview asks step by step and shows how far it is", async () => {
    const steps = [new Deferred(), new Deferred()];
    let asked = 0;
    onRpc("crm.value", "preview_step", async ({ args }) => {
        expect.step(JSON.stringify(args));
        return steps[asked++];
    });
    await open(
        1,
        `<field name="name"/><field name="is_previewed" invisible="1"/><widget name="tier_simulation_preview"/>`
    );
    expect(".o_widget_tier_simulation_preview button").toHaveText("Preview");
    await contains(".o_field_widget[name=name] input").edit("Changed");
    await contains(".o_widget_tier_simulation_preview button").click();
    await animationFrame();
    expect(".o_widget_tier_simulation_preview button").toHaveAttribute("disabled");
    steps[0].resolve({ processed: 30, total: 60 });
    await animationFrame();
    await animationFrame();
    expect(".o_widget_tier_simulation_preview [role=progressbar]").toHaveAttribute("aria-valuenow", "50");
    steps[1].resolve({ processed: 60, total: 60 });
    await animationFrame();
    await animationFrame();
    expect(".o_widget_tier_simulation_preview button").toHaveText("Preview");
    expect.verifySteps(["[[1],true]", "[[1],false]"]);
});

test("tier_simulation_preview can be asked again after an error", async () => {
    expect.errors(1);
    onRpc("crm.value", "preview_step", () => {
        throw new Error("busy");
    });
    await open(1, `<field name="is_previewed" invisible="1"/><widget name="tier_simulation_preview"/>`);
    await contains(".o_widget_tier_simulation_preview button").click();
    await animationFrame();
    await animationFrame();
    expect.verifyErrors([/busy/]);
    expect(".o_widget_tier_simulation_preview button").toHaveText("Preview");
    expect(".o_widget_tier_simulation_preview button").not.toHaveAttribute("disabled");
});

import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { expect, test } from "@odoo/hoot";
import { queryAllTexts } from "@odoo/hoot-dom";
import { animationFrame, Deferred } from "@odoo/hoot-mock";
import {
    contains,
    defineModels,
    fields,
    getService,
    models,
    mountView,
    mountWithCleanup,
    onRpc,
} from "@web/../tests/web_test_helpers";

import { SelectCreateDialog } from "@web/views/view_dialogs/select_create_dialog";
import { WebClient } from "@web/webclient/webclient";

class Tier extends models.Model {
    _name = "crm.value.tier";

    name = fields.Char();
    _records = [
        { id: 1, name: "Gold" },
        { id: 2, name: "Our most faithful customers" },
    ];
}

class Customer extends models.Model {
    _name = "customer";

    name = fields.Char();
    color = fields.Integer();
    tier_id = fields.Many2one({ relation: "crm.value.tier" });
    tier_color = fields.Integer();
    tier_icon = fields.Selection({ selection: [["fa-trophy", "Trophy"]] });
    churn_risk = fields.Selection({
        string: "Churn Risk",
        selection: [
            ["low", "Low"],
            ["medium", "Medium"],
            ["high", "High"],
        ],
    });

    _records = [
        { id: 1, name: "Azure", tier_id: 1, tier_color: 3, tier_icon: "fa-trophy", churn_risk: "high" },
        { id: 2, name: "Blue", tier_id: 2, tier_color: 0, tier_icon: false, churn_risk: "medium" },
        { id: 3, name: "Cyan", tier_id: false, churn_risk: "low" },
        { id: 4, name: "Dune", tier_id: false, churn_risk: false },
    ];
    _views = { list: `<list js_class="value_list"><field name="name"/></list>` };
}

class Order extends models.Model {
    _name = "order";

    partner_id = fields.Many2one({ relation: "customer" });
    _records = [
        { id: 1, partner_id: 1 },
        { id: 2, partner_id: false },
    ];
}

defineMailModels();
defineModels([Tier, Customer, Order]);

const TIER = `<field name="tier_id" widget="value_tier" options="{'color_field': 'tier_color', 'icon_field': 'tier_icon'}"/>`;
const RIBBON = `<widget name="value_ribbon" tier="tier_id" color="tier_color"/>`;

const openForm = (resModel, resId, arch) => mountView({ resModel, type: "form", resId, arch: `<form>${arch}</form>` });

/** Mock the age of the figures; each request becomes a step. */
function tellAge(answer = ([partnerId]) => [partnerId ? `Of customer ${partnerId}.` : "Figures are 3 minutes old."]) {
    onRpc("crm.value", "get_figures_age", ({ args }) => {
        expect.step(`age of ${args[0]}`);
        return answer(args);
    });
}

test("value_tier shows the tier in its color with its icon", async () => {
    await openForm("customer", 1, TIER);
    expect(".o_field_value_tier .badge").toHaveText("Gold");
    expect(".o_field_value_tier .badge").toHaveClass("o_badge_color_3");
    expect(".o_field_value_tier .badge i").toHaveClass("fa-trophy");
});

test("value_tier needs no icon, and shows nothing without a tier", async () => {
    await mountView({ resModel: "customer", type: "list", arch: `<list>${TIER}</list>` });
    expect(queryAllTexts(".o_data_row .badge")).toEqual(["Gold", "Our most faithful customers"]);
    expect(".o_data_row:eq(1) .badge").toHaveClass("o_badge_color_0");
    expect(".o_data_row:eq(1) .badge i").toHaveCount(0);
});

test("value_risk names a risk that asks for something, and no other", async () => {
    await mountView({
        resModel: "customer",
        type: "list",
        arch: `<list><field name="churn_risk" widget="value_risk"/></list>`,
    });
    expect(queryAllTexts(".o_data_row .badge")).toEqual(["Churn Risk: High", "Churn Risk: Medium"]);
    expect(".o_data_row:eq(0) .badge").toHaveClass("text-bg-danger");
    expect(".o_data_row:eq(1) .badge").toHaveClass("text-bg-warning");
});

test("value_ribbon shows the tier in its color", async () => {
    await openForm("customer", 1, RIBBON);
    expect(".ribbon span").toHaveText(/^gold$/i); // in capitals
    expect(".ribbon span").toHaveClass(["badge", "o_badge_color_3"]);
    expect(".ribbon span").not.toHaveClass("o_small");
});

test("value_ribbon shows a long name smaller", async () => {
    await openForm("customer", 2, RIBBON);
    expect(".ribbon span").toHaveText(/^our most faithful customers$/i);
    expect(".ribbon span").toHaveClass("o_small");
});

test("value_ribbon shows nothing without a tier", async () => {
    await openForm("customer", 3, RIBBON);
    expect(".o_form_view").toHaveCount(1);
    expect(".ribbon").toHaveCount(0);
});

test("figures_age tells what of the customer waits, and asks anew for another one", async () => {
    tellAge();
    await openForm("order", 1, `<field name="partner_id"/><widget name="figures_age"/>`);
    await animationFrame();
    expect(".o_figures_age").toHaveText("Of customer 1.");
    expect(".o_figures_age").toHaveAttribute("role", "status");
    await contains(".o_field_widget[name=partner_id] input").click();
    await contains(".o-autocomplete--dropdown-item:contains(Blue)").click();
    await animationFrame();
    expect(".o_figures_age").toHaveText("Of customer 2.");
    expect.verifySteps(["age of 1", "age of 2"]);
});

test("figures_age shows the answer for the customer on the screen, whatever comes last", async () => {
    const answers = { 1: new Deferred(), 2: new Deferred() };
    tellAge(([partnerId]) => answers[partnerId]);
    await openForm("order", 1, `<field name="partner_id"/><widget name="figures_age"/>`);
    await contains(".o_field_widget[name=partner_id] input").click();
    await contains(".o-autocomplete--dropdown-item:contains(Blue)").click();
    await animationFrame();
    answers[2].resolve(["Of Blue."]);
    await animationFrame();
    answers[1].resolve(["Of Azure."]);
    await animationFrame();
    await animationFrame();
    expect(".o_figures_age").toHaveText("Of Blue.");
    expect.verifySteps(["age of 1", "age of 2"]);
});

test("figures_age without anything to tell takes no room", async () => {
    tellAge(() => []);
    await openForm("order", 2, `<field name="partner_id"/><widget name="figures_age"/>`);
    await animationFrame();
    expect(".o_figures_age").toHaveCount(0);
    expect.verifySteps(["age of false"]);
});

test("a list of figures tells their age below its buttons, a sentence for each company", async () => {
    tellAge(() => ["Figures are 3 minutes old.", "Figures are 2 days old."]);
    await mountView({ resModel: "customer", type: "list" });
    await animationFrame();
    expect(".o_data_row").toHaveCount(4);
    expect(queryAllTexts(".o_control_panel .o_figures_age span")).toEqual([
        "Figures are 3 minutes old.",
        "Figures are 2 days old.",
    ]);
    expect.verifySteps(["age of false"]);
});

test("a list of figures to choose from asks for no age", async () => {
    tellAge();
    await mountWithCleanup(WebClient);
    getService("dialog").add(SelectCreateDialog, { resModel: "customer", noCreate: true });
    await animationFrame();
    await animationFrame();
    expect(".modal .o_data_row").toHaveCount(4);
    expect(".o_figures_age").toHaveCount(0);
    expect.verifySteps([]);
});

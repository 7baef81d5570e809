import { _t } from "@web/core/l10n/translation";
import { formatDate, deserializeDate } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { Layout } from "@web/search/layout";
import { formatFloat, formatInteger, formatMonetary, formatPercentage } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { useSetupAction } from "@web/search/action_hook";

import { Component, onWillStart, useState } from "@odoo/owl";

import { DashboardCard } from "./dashboard_card";
import { DashboardChart } from "./dashboard_chart";

/** From this amount on, a large figure is told as "1.2M". */
const COMPACT_FROM = 100_000;

/** The views of a list behind a figure; on a phone, Odoo takes the cards where there are any. */
const VIEWS = {
    "crm.value": ["list", "kanban", "graph", "pivot", "form"],
    "crm.value.snapshot": ["list", "pivot", "graph"],
    "crm.value.tier.change": ["list", "pivot", "graph", "form"],
    "crm.value.followup": ["list", "kanban", "form", "pivot"],
};

const STAGE_COLORS = {
    lead: "bg-info",
    prospect: "bg-info",
    new: "bg-info",
    active: "bg-success",
    loyal: "bg-success",
    won_back: "bg-success",
    at_risk: "bg-warning",
    lost: "bg-danger",
};

/** What all customers are worth, at a glance: one call to the server; every figure opens the records behind it. */
export class ValueDashboard extends Component {
    static template = "crm_value_addon.ValueDashboard";
    static components = { DashboardCard, DashboardChart, Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.display = { controlPanel: { layoutActions: true } };
        const { period = "month", companyId = false } = this.props.state || {};
        this.state = useState({ period, companyId, isLoading: false, data: null, heat: "count" });
        useSetupAction({ getLocalState: () => ({ period: this.state.period, companyId: this.state.companyId }) });
        onWillStart(() => this.load());
    }

    async load() {
        this.state.isLoading = true;
        try {
            this.state.data = await this.orm.call("crm.value.dashboard", "read_dashboard", [], {
                period: this.state.period,
                company_id: this.state.companyId,
            });
        } finally {
            this.state.isLoading = false;
        }
    }

    async setPeriod(period) {
        this.state.period = period;
        await this.load();
    }

    async setCompany(ev) {
        this.state.companyId = Number(ev.target.value) || false;
        await this.load();
    }

    async refresh() {
        await this.action.doAction(await this.orm.call("crm.value", "action_recompute_company", []));
        await this.load();
    }

    // the lists behind the figures

    open({ domain, model = "crm.value" }, name) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: String(name),
            res_model: model,
            domain,
            views: VIEWS[model].map((view) => [false, view]),
            mobile_view_mode: VIEWS[model].includes("kanban") ? "kanban" : "list",
            context: { create: false },
        });
    }

    openRecord(model, id) {
        return this.action.doAction({
            type: "ir.actions.act_window", res_model: model, res_id: id, views: [[false, "form"]],
        });
    }

    openAction(xmlId) {
        return this.action.doAction(xmlId);
    }

    // how figures look

    money(amount) {
        const options = { currencyId: this.state.data.currency_id };
        return Math.abs(amount) >= COMPACT_FROM
            ? formatMonetary(amount, { ...options, humanReadable: true, digits: [16, 1] })
            : formatMonetary(amount, { ...options, digits: [16, 0] });
    }

    exact(amount) {
        return formatMonetary(amount, { currencyId: this.state.data.currency_id });
    }

    number(count) {
        return formatInteger(count);
    }

    decimal(value) {
        return formatFloat(value, { digits: [16, 2], trailingZeros: false });
    }

    percent(share) {
        return formatPercentage(share, { digits: [16, share && Math.abs(share) < 0.1 ? 1 : 0] });
    }

    signed(text, amount) {
        return amount > 0 ? `+${text}` : text;
    }

    day(date) {
        return formatDate(deserializeDate(date));
    }

    month(date) {
        return deserializeDate(date).toFormat("LLL yy");
    }

    countText(count) {
        return count === 1 ? _t("1 customer") : _t("%(count)s customers", { count: this.number(count) });
    }

    /** A width in percent that is still seen where there is something. */
    width(part, whole) {
        return whole > 0 && part > 0 ? Math.max((100 * part) / whole, 1) : 0;
    }

    /** The veil of a heat map: dark enough to tell apart, light enough for the text on it. */
    heat(part, whole) {
        const share = whole > 0 ? Math.max(part, 0) / whole : 0;
        return share ? `background-color: rgba(var(--primary-rgb), ${(0.06 + 0.44 * share).toFixed(2)});` : "";
    }

    // texts

    get periods() {
        return [
            { key: "month", name: _t("This month") },
            { key: "quarter", name: _t("Last 3 months") },
            { key: "year", name: _t("Last 12 months") },
        ];
    }

    get periodName() {
        return this.periods.find((period) => period.key === this.state.data.period).name;
    }

    /** The amount by which customers are compared: what they are worth, or revenue for who may not see that. */
    get worthKey() {
        return this.state.data.sees_worth ? "clv" : "revenue";
    }

    get worthName() {
        return this.state.data.sees_worth ? _t("lifetime value") : _t("revenue of the last 12 months");
    }

    get bestSentence() {
        const best = this.state.data.customers.best;
        return best && best.of >= 5
            ? _t("The best %(percent)s of the customers bring %(share)s of the %(worth)s.", {
                  percent: this.percent(best.count / best.of),
                  share: this.percent(best.share),
                  worth: this.worthName,
              })
            : "";
    }

    get change() {
        const change = this.state.data.trend.change;
        if (!change) {
            return null;
        }
        const amount = this.signed(this.money(change.amount), change.amount);
        const share = change.share === false ? "" : ` (${this.signed(this.percent(change.share), change.share)})`;
        return {
            text: _t("%(change)s since %(date)s", { change: `${amount}${share}`, date: this.day(change.since) }),
            class: change.amount < 0 ? "text-danger" : change.amount > 0 ? "text-success" : "text-muted",
            icon: change.amount < 0 ? "fa-arrow-down" : "fa-arrow-up",
        };
    }

    get expectedText() {
        const { interval } = this.state.data.outlook.expected;
        return interval
            ? _t("between %(low)s and %(high)s with 80 % probability", {
                  low: this.money(interval[0]),
                  high: this.money(interval[1]),
              })
            : _t("no interval: the forecast was not tried on the past yet");
    }

    stageColor(stage) {
        return STAGE_COLORS[stage];
    }

    // what is drawn

    get trendChart() {
        const { points } = this.state.data.trend;
        return {
            kind: "line",
            labels: points.map((point) => (point.is_now ? String(_t("Today")) : this.month(point.date))),
            series: [{ label: this.trendTitle, values: points.map((point) => point.amount) }],
            format: (amount) => this.money(amount),
            onSelect: (index) => this.openPoint(points[index]),
        };
    }

    get trendTitle() {
        return String(
            this.state.data.sees_worth ? _t("Customer equity") : _t("Revenue of the last 12 months")
        );
    }

    openPoint(point) {
        const name = point.is_now
            ? _t("Customers today")
            : _t("Customers at the end of %(month)s", { month: this.month(point.date) });
        return this.open(point, name);
    }

    get calibrationChart() {
        const { rows, id } = this.state.data.outlook.calibration;
        return {
            kind: "bar",
            labels: rows.map((row) => row.purchases),
            series: [
                { label: String(_t("Bought")), values: rows.map((row) => row.actual) },
                { label: String(_t("Expected")), values: rows.map((row) => row.expected) },
            ],
            format: (value) => this.decimal(value),
            height: 200,
            onSelect: () => this.openRecord("crm.value.fit", id),
        };
    }

    /** Rows from the most recent buyers down, columns from the rarest on: the best customers are at the top end. */
    get rfmRows() {
        const { rfm } = this.state.data.customers;
        const largest = Math.max(...rfm.map((cell) => cell[this.state.heat]));
        return [5, 4, 3, 2, 1].map((r) => ({
            r,
            cells: [1, 2, 3, 4, 5].map((f) => {
                const cell = rfm.find((one) => one.r === r && one.f === f);
                const name = _t("Recency %(r)s, frequency %(f)s", { r, f });
                return cell
                    ? { ...cell, name, style: this.heat(cell[this.state.heat], largest) }
                    : { r, f, name, count: 0 };
            }),
        }));
    }

    /** The tiers that customers moved from or to, each way a cell. */
    get moveRows() {
        const { cells } = this.state.data.moves;
        const tiers = [...this.state.data.customers.tiers].filter((tier) =>
            cells.some((cell) => cell.from === tier.id || cell.to === tier.id)
        );
        if (cells.some((cell) => !cell.from || !cell.to) && !tiers.some((tier) => !tier.id)) {
            tiers.push({ id: false, name: _t("No tier") });
        }
        return {
            tiers,
            rows: tiers.map((from) => ({
                ...from,
                cells: tiers.map((to) => ({
                    id: to.id,
                    isSame: from.id === to.id,
                    move: cells.find((cell) => cell.from === from.id && cell.to === to.id),
                })),
            })),
        };
    }

    moveName(move) {
        return _t("From %(before)s to %(after)s", { before: move.from_name, after: move.to_name });
    }

    /** As many columns as the oldest cohort has quarters behind it. */
    get cohortAges() {
        const longest = Math.max(0, ...this.state.data.outlook.cohorts.map((cohort) => cohort.cells.length));
        return [...Array(longest).keys()].map((index) => index + 1);
    }

    cohortName(cohort, age) {
        return age
            ? _t("First bought in %(quarter)s, and again %(age)s quarters later", { quarter: cohort.name, age })
            : _t("First bought in %(quarter)s", { quarter: cohort.name });
    }
}

registry.category("actions").add("crm_value_dashboard", ValueDashboard);

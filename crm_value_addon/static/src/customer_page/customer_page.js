import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

import { Component, onMounted, onWillUpdateProps, useState } from "@odoo/owl";

import { DashboardChart } from "../dashboard/dashboard_chart";
import { DashboardFormat } from "../dashboard/dashboard_format";

/**
 * The top of a customer's page: the answers as tiles, whom to call, what is open, and the chart of its past. It is read
 * after the figures of the form, which do not wait for it.
 */
export class CustomerPage extends Component {
    static template = "crm_value_addon.CustomerPage";
    static components = { DashboardChart };
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({ page: null, outcomes: {} });
        this.asked = new KeepLast();
        onMounted(() => this.load(this.props.record.resId));
        onWillUpdateProps((props) => this.load(props.record.resId));
    }

    async load(id) {
        this.state.page = id
            ? await this.asked.add(this.orm.silent.call("crm.value.customer.page", "read_page", [id]))
            : null;
    }

    get format() {
        return new DashboardFormat(this.state.page.chart.currency_id);
    }

    get chart() {
        const { labels, bought, worth, reconstructed, worth_label: worthLabel, moves } = this.state.page.chart;
        const texts = labels.map((_label, month) =>
            moves
                .filter((move) => move.month === month)
                .map((move) => move.text)
                .join("; ")
        );
        const series = [
            { label: worthLabel, values: worth, kind: "line" },
            { label: String(_t("Bought in the month")), values: bought, kind: "bar" },
        ];
        if (reconstructed) {
            series.push({
                label: String(_t("Reconstructed")),
                values: reconstructed,
                kind: "line",
                isDashed: true,
            });
        }
        if (moves.length) {
            const marks = texts.map((text, month) =>
                text ? (worth[month] ?? (reconstructed && reconstructed[month]) ?? bought[month]) : null
            );
            series.push({ label: String(_t("Tier change")), values: marks, kind: "mark", texts });
        }
        return {
            kind: "bar",
            labels,
            series,
            height: 220,
            format: (amount) => this.format.exact(amount),
            formatAxis: (amount) => this.format.money(amount, 1),
            onSelect: () => this.openPurchases(),
        };
    }

    /** The months in which something happened, as a table. */
    get months() {
        const { labels, bought, counts, worth, reconstructed, moves } = this.state.page.chart;
        return labels
            .map((label, month) => ({
                label,
                bought: this.format.exact(bought[month]),
                count: counts[month],
                worth: worth[month] === null ? "" : this.format.exact(worth[month]),
                reconstructed:
                    reconstructed && reconstructed[month] !== null ? this.format.exact(reconstructed[month]) : "",
                moves: moves.filter((move) => move.month === month),
                isShown: bought[month] || worth[month] !== null || (reconstructed && reconstructed[month] !== null),
            }))
            .filter((row) => row.isShown || row.moves.length)
            .reverse();
    }

    async openPurchases() {
        this.action.doAction(await this.orm.call("crm.value", "action_open_purchases", [[this.props.record.resId]]));
    }

    newQuotation() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: String(_t("New Quotation")),
            res_model: "sale.order",
            views: [[false, "form"]],
            context: { default_partner_id: this.state.page.contact.partner_id },
        });
    }

    /** Log what came of a follow-up; its activity is done with it. */
    async logDone(followup) {
        await this.orm.call("mail.activity", "action_feedback", [[followup.activity_id]], {
            feedback: this.state.outcomes[followup.id] || false,
        });
        await this.load(this.props.record.resId);
        if (this.state.page.question) {
            await this.answer();
        }
    }

    /** Open the question why the customer leaves. */
    answer() {
        return this.action.doAction(
            {
                type: "ir.actions.act_window",
                name: String(_t("Why Did They Leave?")),
                res_model: "crm.value.departure",
                res_id: this.state.page.question,
                views: [[false, "form"]],
                target: "new",
            },
            { onClose: () => this.load(this.props.record.resId) }
        );
    }
}

registry.category("view_widgets").add("customer_page", { component: CustomerPage });

import { loadBundle } from "@web/core/assets";
import { cookie } from "@web/core/browser/cookie";
import { getColor, getCustomColor } from "@web/core/colors/colors";
import { registry } from "@web/core/registry";
import { formatFloat } from "@web/views/fields/formatters";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { Component, onWillStart, useEffect, useRef } from "@odoo/owl";

/**
 * Draws a JSON field {kind: "bar" | "line", labels, x_title, y_title, series: [{label, values}]}, with the same
 * figures as a table for users who cannot see it. With is_stacked, the bars of a label stand in one place.
 */
export class ValueChartField extends Component {
    static template = "crm_value_addon.ValueChartField";
    static props = { ...standardFieldProps };

    setup() {
        this.canvasRef = useRef("canvas");
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            (canvas, chart) => {
                if (!canvas || !chart) {
                    return;
                }
                const drawn = new Chart(canvas, this.config(chart));
                return () => drawn.destroy();
            },
            () => [this.canvasRef.el, this.chart]
        );
    }

    get chart() {
        const chart = this.props.record.data[this.props.name];
        return chart && chart.labels.length ? chart : null;
    }

    get title() {
        return this.props.record.fields[this.props.name].string;
    }

    format(value) {
        return value === null ? "" : formatFloat(value, { digits: [16, 2], trailingZeros: false });
    }

    config(chart) {
        const scheme = cookie.get("color_scheme");
        const ink = getCustomColor(scheme, "#111827", "#E4E4E4");
        const grid = getCustomColor(scheme, "#d8dadd", "#3C3E4B");
        const axis = (text) => ({
            title: { display: Boolean(text), text, color: ink },
            ticks: { color: ink },
            grid: { color: grid },
        });
        return {
            type: chart.kind,
            data: {
                labels: chart.labels,
                datasets: chart.series.map((series, index) => ({
                    label: series.label,
                    data: series.values,
                    backgroundColor: getColor(index, scheme, chart.series.length),
                    borderColor: getColor(index, scheme, chart.series.length),
                    borderWidth: 2,
                    pointRadius: 0,
                })),
            },
            options: {
                maintainAspectRatio: false,
                animation: false,
                scales: {
                    x: { ...axis(chart.x_title), stacked: Boolean(chart.is_stacked) },
                    y: { ...axis(chart.y_title), beginAtZero: true },
                },
                plugins: { legend: { labels: { color: ink } } },
            },
        };
    }
}

registry.category("fields").add("value_chart", {
    component: ValueChartField,
    supportedTypes: ["json"],
});

import { loadBundle } from "@web/core/assets";
import { cookie } from "@web/core/browser/cookie";
import { getColor } from "@web/core/colors/colors";
import { localization } from "@web/core/l10n/localization";

import { Component, onWillStart, useEffect, useRef } from "@odoo/owl";

/**
 * Draws one or more series with Chart.js. The figures are also in the table that the card around it shows, so that the
 * canvas is hidden from screen readers; what a click on a point does can be done from the table as well.
 */
export class DashboardChart extends Component {
    static template = "crm_value_addon.DashboardChart";
    static props = {
        kind: String, // "line" or "bar"
        labels: { type: Array, element: String },
        series: {
            type: Array,
            element: {
                type: Object,
                shape: {
                    label: String,
                    values: Array,
                    kind: { type: String, optional: true }, // "line", "bar" or "mark", where it is not that of the chart
                    texts: { type: Array, optional: true }, // what a point says instead of its figure
                    isDashed: { type: Boolean, optional: true },
                },
            },
        },
        format: Function,
        formatAxis: { type: Function, optional: true },
        onSelect: Function, // (index of the label)
        height: { type: Number, optional: true },
    };
    static defaultProps = { height: 240 };

    setup() {
        this.canvasRef = useRef("canvas");
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            (canvas) => {
                const chart = new Chart(canvas, this.config);
                return () => chart.destroy();
            },
            () => [this.canvasRef.el, JSON.stringify([this.props.kind, this.props.labels, this.props.series])]
        );
    }

    get config() {
        const scheme = cookie.get("color_scheme");
        // The page's own ink, whichever theme it has.
        const ink = getComputedStyle(this.canvasRef.el.parentElement).color;
        const grid = ink.replace(/^rgb\((.*)\)$/, "rgba($1, 0.15)");
        const rtl = localization.direction === "rtl";
        const { kind, labels, series, format, formatAxis = format } = this.props;
        const select = (_event, [point]) => point && this.props.onSelect(point.index);
        return {
            type: kind,
            data: { labels, datasets: series.map((one, index) => this.dataset(one, index, scheme)) },
            options: {
                maintainAspectRatio: false,
                animation: false,
                interaction: { mode: "index", intersect: false },
                onClick: select,
                onHover: (event, points) => (event.native.target.style.cursor = points.length ? "pointer" : ""),
                scales: {
                    x: {
                        reverse: rtl,
                        ticks: { color: ink, maxRotation: 0, autoSkip: true },
                        grid: { display: false },
                    },
                    y: {
                        position: rtl ? "right" : "left",
                        beginAtZero: kind === "bar",
                        border: { display: false },
                        ticks: { color: ink, maxTicksLimit: 5, callback: (value) => formatAxis(value) },
                        grid: { color: grid },
                    },
                },
                plugins: {
                    legend: { display: series.length > 1, rtl, labels: { color: ink, boxWidth: 12 } },
                    tooltip: {
                        rtl,
                        callbacks: {
                            label: ({ dataset, dataIndex, parsed }) =>
                                dataset.texts ? dataset.texts[dataIndex] : `${dataset.label}: ${format(parsed.y)}`,
                        },
                    },
                },
            },
        };
    }

    dataset({ label, values, kind = this.props.kind, texts, isDashed = false }, index, scheme) {
        const color = getColor(index, scheme, "sm");
        if (kind === "bar") {
            return { type: "bar", label, data: values, backgroundColor: color, borderRadius: 3, maxBarThickness: 36 };
        }
        const points = { type: "line", label, data: values, borderColor: color, pointBackgroundColor: color };
        if (kind === "mark") {
            return {
                ...points,
                texts,
                showLine: false,
                pointStyle: "triangle",
                pointRadius: 8,
                backgroundColor: color,
            };
        }
        return {
            ...points,
            backgroundColor: `${color}26`, // a veil under the line
            fill: isDashed ? false : "start",
            borderDash: isDashed ? [6, 4] : [],
            borderWidth: 2,
            tension: 0.3,
            spanGaps: true,
            pointRadius: values.length > 1 ? 3 : 5,
        };
    }
}

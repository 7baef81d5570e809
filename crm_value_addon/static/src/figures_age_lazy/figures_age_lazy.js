import { registry } from "@web/core/registry";
import { FiguresControlPanel } from "@crm_value_addon/figures_age/figures_age";
import { graphView } from "@web/views/graph/graph_view";
import { pivotView } from "@web/views/pivot/pivot_view";

for (const view of [graphView, pivotView]) {
    registry.category("views").add(`value_${view.type}`, { ...view, ControlPanel: FiguresControlPanel });
}

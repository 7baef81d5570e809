import { Component, onMounted, onWillUpdateProps, useState, xml } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { ControlPanel } from "@web/search/control_panel/control_panel";
import { kanbanView } from "@web/views/kanban/kanban_view";
import { listView } from "@web/views/list/list_view";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/** The age of the figures of a screen; it is read after the figures, which do not wait for it. */
export class FiguresAge extends Component {
    static template = "crm_value_addon.FiguresAge";
    static props = { partnerId: { type: [Number, Boolean], optional: true } };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ sentences: [] });
        this.asked = new KeepLast();
        onMounted(() => this.load(this.props.partnerId));
        onWillUpdateProps((props) => {
            if (props.partnerId !== this.props.partnerId) {
                this.load(props.partnerId);
            }
        });
    }

    async load(partnerId) {
        const answer = this.orm.silent.call("crm.value", "get_figures_age", [partnerId || false]);
        this.state.sentences = await this.asked.add(answer);
    }
}

/** The same on a form with a customer, about this customer; the form itself needs no further query. */
export class FiguresAgeWidget extends Component {
    static template = xml`<FiguresAge partnerId="partnerId"/>`;
    static components = { FiguresAge };
    static props = { ...standardWidgetProps };

    get partnerId() {
        return this.props.record.data.partner_id?.id;
    }
}

registry.category("view_widgets").add("figures_age", { component: FiguresAgeWidget });

export class FiguresControlPanel extends ControlPanel {
    static template = "crm_value_addon.FiguresControlPanel";
    static components = { ...ControlPanel.components, FiguresAge };
}

for (const view of [listView, kanbanView]) {
    registry.category("views").add(`value_${view.type}`, { ...view, ControlPanel: FiguresControlPanel });
}

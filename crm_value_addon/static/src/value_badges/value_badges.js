import { registry } from "@web/core/registry";
import { BadgeField, badgeField } from "@web/views/fields/badge/badge_field";
import { RibbonWidget } from "@web/views/widgets/ribbon/ribbon";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

import { Component } from "@odoo/owl";

/** Odoo's badge with the tier's icon, the same on cards, forms and lists. */
export class ValueTierField extends BadgeField {
    static template = "crm_value_addon.ValueTierField";
    static props = { ...BadgeField.props, iconField: { type: String, optional: true } };

    get icon() {
        return this.props.record.data[this.props.iconField];
    }
}

registry.category("fields").add("value_tier", {
    ...badgeField,
    component: ValueTierField,
    supportedTypes: ["many2one"],
    additionalClasses: ["o_field_badge"],
    listViewWidth: [110, 150],
    fieldDependencies: ({ options }) => [
        { name: options.color_field, type: "integer" },
        { name: options.icon_field, type: "selection" },
    ],
    extractProps: (info) => ({ ...badgeField.extractProps(info), iconField: info.options.icon_field }),
});

/** Odoo's badge for a risk that needs attention: "Churn Risk: High". A low risk is not shown. */
export class ValueRiskField extends BadgeField {
    static template = "crm_value_addon.ValueRiskField";

    get risk() {
        return this.props.record.data[this.props.name];
    }

    get badgeClass() {
        return { medium: "text-bg-warning", high: "text-bg-danger" }[this.risk];
    }

    get label() {
        return this.props.record.fields[this.props.name].string;
    }
}

registry.category("fields").add("value_risk", {
    ...badgeField,
    component: ValueRiskField,
    supportedTypes: ["selection"],
    additionalClasses: ["o_field_badge"],
});

/** Odoo's ribbon, with the tier's name in the tier's color: <widget name="value_ribbon" tier="…" color="…"/> */
export class ValueRibbon extends Component {
    static template = "crm_value_addon.ValueRibbon";
    static components = { RibbonWidget };
    static props = { ...standardWidgetProps, tier: String, color: String };

    get name() {
        return this.props.record.data[this.props.tier]?.display_name;
    }

    get bgClass() {
        return `badge o_badge_color_${this.props.record.data[this.props.color]}`;
    }
}

registry.category("view_widgets").add("value_ribbon", {
    component: ValueRibbon,
    fieldDependencies: ({ attrs }) => [
        { name: attrs.tier, type: "many2one" },
        { name: attrs.color, type: "integer" },
    ],
    extractProps: ({ attrs }) => ({ tier: attrs.tier, color: attrs.color }),
});

import { OrderReceipt } from "@point_of_sale/app/screens/receipt_screen/receipt/order_receipt";
import { OrderSummary } from "@point_of_sale/app/screens/product_screen/order_summary/order_summary";
import { PartnerLine } from "@point_of_sale/app/screens/partner_list/partner_line/partner_line";
import { SelectPartnerButton } from "@point_of_sale/app/screens/product_screen/control_buttons/select_partner_button/select_partner_button";
import { ControlButtons } from "@point_of_sale/app/screens/product_screen/control_buttons/control_buttons";
import OrderPaymentValidation from "@point_of_sale/app/utils/order_payment_validation";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";
import { customerTier, tierProgress, tillTiers } from "./tier";

/** Return in words what a sale does to a tier, as {reached, gap}; false where there is nothing to say. */
function progressTexts(progress, formatCurrency) {
    return {
        reached: progress.reached && _t("This sale brings %s", progress.reached.name),
        gap:
            progress.next &&
            _t("%(amount)s more and it is %(tier)s", {
                amount: formatCurrency(progress.missing),
                tier: progress.next.name,
            }),
    };
}

patch(PartnerLine.prototype, {
    get customerTier() {
        return customerTier(this.props.partner, this.pos.config);
    },
    get tierGap() {
        const progress = tierProgress(this.props.partner, this.pos.config, 0);
        return progressTexts(progress, this.env.utils.formatCurrency).gap;
    },
    get tierAge() {
        const { readAt } = this.customerTier;
        return readAt ? _t("as of %s", readAt.toRelative()) : "";
    },
});

patch(SelectPartnerButton.prototype, {
    get customerTier() {
        return customerTier(this.props.partner, this.pos.config);
    },
});

patch(OrderSummary.prototype, {
    get tierTexts() {
        const order = this.pos.getOrder();
        if (!order?.getPartner()) {
            return {};
        }
        const { readAt } = order.customerTier;
        return {
            ...progressTexts(order.tierProgress, this.env.utils.formatCurrency),
            age: readAt && readAt.diffNow("minutes").minutes < -60 ? _t("as of %s", readAt.toRelative()) : "",
        };
    },
});

patch(ControlButtons.prototype, {
    /** The pricelist of a tier is chosen by the customer, not by the cashier. */
    getPricelistList() {
        const { pricelists } = tillTiers(this.pos.config);
        const own = this.currentOrder.getPartner()?.property_product_pricelist?.id;
        return super.getPricelistList(...arguments).filter(({ id }) => !pricelists.includes(id) || id === own);
    },
});

patch(OrderPaymentValidation.prototype, {
    async validateOrder() {
        // what the receipt says is what was known when the order was paid: once it counts, the figures include it
        const { tier } = this.order.customerTier;
        const progress = this.order.tierProgress;
        this.order.uiState.tierOnReceipt =
            tillTiers(this.order.config).receipt && this.order.getPartner()
                ? {
                      tier: tier?.name,
                      ...progressTexts(progress, this.pos.env.utils.formatCurrency),
                  }
                : false;
        return super.validateOrder(...arguments);
    },
});

patch(OrderReceipt.prototype, {
    get tierTexts() {
        return this.order.uiState.tierOnReceipt;
    },
});

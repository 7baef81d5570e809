import { PosStore } from "@point_of_sale/app/services/pos_store";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";
import { tillTiers } from "./tier";

patch(PosStore.prototype, {
    setPartnerToCurrentOrder(partner) {
        super.setPartnerToCurrentOrder(...arguments);
        if (partner) {
            this.readTierAgain(partner);
        }
    },

    /** Ask the server for the customer's tier; without a connection, what the till has goes on to hold. */
    async readTierAgain(partner) {
        if (this.data.network.offline) {
            return;
        }
        const known = () => JSON.stringify([partner.value_till, partner.property_product_pricelist?.id]);
        const before = known();
        try {
            await this.data.read("res.partner", [partner.id]);
        } catch {
            return;
        }
        const order = this.getOrder();
        if (known() !== before && order && !order.finalized && order.getPartner()?.id === partner.id) {
            order.updatePricelistAndFiscalPosition(partner);
            order.closeProgramsOfOtherTiers();
            await this.updateRewards();
        }
    },

    async activateCode(code) {
        const rule = this.models["loyalty.rule"].find(
            (rule) => rule.mode === "with_code" && (rule.promo_barcode === code || rule.code === code)
        );
        if (rule && this.getOrder().isClosedByTier(rule.program_id)) {
            return _t("%(program)s is for customers of certain tiers only (%(tiers)s).", {
                program: rule.program_id.name,
                tiers: tillTiers(this.config).gated[rule.program_id.id],
            });
        }
        return super.activateCode(...arguments);
    },
});

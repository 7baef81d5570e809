import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as OfflineUtil from "@point_of_sale/../tests/generic_helpers/offline_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as PosLoyalty from "@pos_loyalty/../tests/tours/utils/pos_loyalty_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import * as TicketScreen from "@point_of_sale/../tests/pos/tours/utils/ticket_screen_util";
import { registry } from "@web/core/registry";

function sees(content, trigger) {
    return { content, trigger };
}

function choose(name) {
    return [ProductScreen.clickPartnerButton(), ProductScreen.clickCustomer(name)];
}

function pay() {
    return [
        ProductScreen.clickPayButton(),
        PaymentScreen.clickPaymentMethod("Bank"),
        PaymentScreen.clickValidate(),
        ReceiptScreen.isShown(),
    ];
}

/** Top has a pricelist (10 % off), a program of its own (10 % off what is left) and double points. */
registry.category("web_tour.tours").add("crm_value_till_tier", {
    steps: () =>
        [
            Chrome.startPoS(),
            ProductScreen.clickDisplayedProduct("Widget"),
            ProductScreen.totalAmountIs("100.00"),
            // the list of customers
            ProductScreen.clickPartnerButton(),
            sees("the tier", '.partner-line:contains("Till Member") .o_value_tier:contains("Top")'),
            sees("what is missing", '.partner-line:contains("Till Rising") .o_value_gap:contains("50.00")'),
            sees("a stranger has no tier", '.partner-line:contains("Till Stranger"):not(:has(.o_value_tier))'),
            // a member gets all, and who comes after it nothing
            ProductScreen.clickCustomer("Till Member"),
            ProductScreen.totalAmountIs("81.00"),
            sees("the tier on the order", '.set-partner .o_value_tier:contains("Top")'),
            PosLoyalty.pointsAwardedAre("162"),
            ProductScreen.clickPartnerButton(),
            PosLoyalty.unselectPartner(),
            ProductScreen.totalAmountIs("100.00"),
            sees("nothing is left", ".set-partner:not(:has(.o_value_tier))"),
            choose("Till Member"),
            ProductScreen.totalAmountIs("81.00"),
            choose("Till Stranger"),
            ProductScreen.totalAmountIs("100.00"),
            PosLoyalty.pointsAwardedAre("100"),
            PosLoyalty.enterCode("TILLTOP"),
            sees("who may use the code", '.o_notification:contains("(Top)")'),
            ProductScreen.totalAmountIs("100.00"),
            // what the sale brings
            choose("Till Rising"),
            sees("the next tier", '.o_value_progress:contains("This sale brings Top")'),
            ProductScreen.totalAmountIs("100.00"),
            pay(),
            sees("also on paper", '.o_value_receipt:contains("Mid"):contains("This sale brings Top")'),
            ReceiptScreen.clickNextOrder(),
            // a member's sale
            ProductScreen.clickDisplayedProduct("Widget"),
            choose("Till Member"),
            ProductScreen.totalAmountIs("81.00"),
            pay(),
            sees("the tier on the receipt", '.o_value_receipt:contains("Top")'),
            ReceiptScreen.clickNextOrder(),
            Chrome.endTour(),
        ].flat(Infinity),
});

registry.category("web_tour.tours").add("crm_value_till_offline", {
    steps: () =>
        [
            Chrome.startPoS(),
            OfflineUtil.setOfflineMode(),
            ProductScreen.clickDisplayedProduct("Widget"),
            ProductScreen.clickPartnerButton(),
            sees("the tier", '.partner-line:contains("Till Member") .o_value_tier:contains("Top")'),
            {
                content: "a stranger",
                trigger: '.partner-line:contains("Till Stranger")',
                run: "click",
            },
            ProductScreen.totalAmountIs("100.00"),
            ProductScreen.clickPartnerButton(),
            {
                content: "a member",
                trigger: '.partner-line:contains("Till Member")',
                run: "click",
            },
            sees("the pricelist", '.set-partner:contains("Till Member")'),
            ProductScreen.totalAmountIs("81.00"),
            pay(),
            Dialog.confirm("Continue with limited functionality"),
            sees("the tier on the receipt", '.o_value_receipt:contains("Top")'),
            OfflineUtil.setOnlineMode(),
            ReceiptScreen.clickNextOrder(),
            Chrome.clickOrders(),
            Chrome.clickRegister(),
            Chrome.isSynced(),
            Chrome.endTour(),
        ].flat(Infinity),
});

registry.category("web_tour.tours").add("crm_value_till_refund", {
    steps: () =>
        [
            Chrome.startPoS(),
            ProductScreen.clickRefund(),
            TicketScreen.selectOrderByPrice("81.00"),
            ProductScreen.clickNumpad("1"),
            TicketScreen.confirmRefund(),
            PaymentScreen.isShown(),
            PaymentScreen.clickPaymentMethod("Bank"),
            PaymentScreen.clickValidate(),
            ReceiptScreen.isShown(),
            ReceiptScreen.clickNextOrder(),
            Chrome.endTour(),
        ].flat(Infinity),
});

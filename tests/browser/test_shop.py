"""The web shop as a visitor, and as a customer 500 short of Gold: prices of the tier, the cart's progress line."""

import re

import pytest
from playwright.sync_api import expect

LOGIN, BOUGHT, PRICE = "shopper", 9500, 250


@pytest.fixture(scope="module")
def shop(serve):
    """A shop with a product at 250, and a customer with the tier Silver, whose prices are 10 % lower."""
    site = serve("shop")
    company = site.call("res.company", "search", domain=[], limit=1)[0]
    site.call("res.company", "write", ids=[company], vals={"value_portal": True})
    settings = site.call("res.config.settings", "create", vals_list=[{"group_product_pricelist": True}])
    site.call("res.config.settings", "execute", ids=settings)
    if not site.call("product.pricelist", "search_count", domain=[("sequence", "=", 1)]):
        site.call("product.pricelist", "create", vals_list=[{"name": "Public", "sequence": 1, "selectable": True}])
    [website] = site.call("website", "search", domain=[], limit=1)
    [pricelist] = site.call(
        "product.pricelist",
        "create",
        vals_list=[
            {
                "name": "Silver prices",
                "sequence": 90,
                "website_id": website,
                "item_ids": [(0, 0, {"applied_on": "3_global", "compute_price": "percentage", "percent_price": 10})],
            }
        ],
    )
    site.call(
        "crm.value.benefit",
        "create",
        vals_list=[
            {
                "tier_id": site.id_of("crm_value_addon.tier_silver"),
                "benefit_type": "pricelist",
                "pricelist_id": pricelist,
            }
        ],
    )
    site.product = site.call(
        "product.template",
        "create",
        vals_list=[
            {"name": "Grinder", "type": "service", "list_price": PRICE, "is_published": True, "taxes_id": [(5,)]}
        ],
    )[0]
    user = site.create_user(LOGIN, "base.group_portal")
    buyer = site.call("res.users", "read", ids=[user], fields=["partner_id"])[0]["partner_id"][0]
    move = site.call(
        "account.move",
        "create",
        vals_list=[
            {
                "move_type": "out_invoice",
                "partner_id": buyer,
                "invoice_line_ids": [(0, 0, {"name": "Machine", "price_unit": BOUGHT, "tax_ids": [(5,)]})],
            }
        ],
    )
    site.call("account.move", "action_post", ids=move)
    site.run_cron("crm_value_addon.ir_cron_refresh_stale")
    return site


def put_into_cart(visitor):
    page = visitor.page
    page.goto("/shop?search=Grinder")
    page.locator(".oe_product_cart a", has_text="Grinder").first.click()
    page.locator("#add_to_cart").click()
    # some themes ask whether to go on
    expect(page.locator(".my_cart_quantity:visible, .o_wsale_my_cart .my_cart_quantity").first).to_have_text("1")
    page.goto("/shop/cart")
    expect(page.locator("#cart_products, .o_wsale_shorter_cart_summary").first).to_contain_text("Grinder")


def test_a_visitor(visit, shop):
    visitor = visit(None, at=shop)
    put_into_cart(visitor)
    page = visitor.page
    expect(page.locator("tr[name=o_order_total_untaxed]:visible")).to_contain_text("250.00")
    assert page.locator("[name=loyalty_progress]").count() == 0
    page.goto("/my/loyalty")
    expect(page).to_have_url(re.compile("/web/login"))


@pytest.mark.parametrize("on_phone", [False, True])
def test_a_customer(visit, shop, on_phone):
    visitor = visit(LOGIN, at=shop, on_phone=on_phone)
    page = visitor.page
    page.goto("/shop?search=Grinder")
    expect(page.locator(".oe_product_cart").first).to_contain_text("225.00")
    if not on_phone:
        put_into_cart(visitor)
    page.goto("/shop/cart")
    progress = page.locator("[name=loyalty_progress]:visible")
    # on the phone it is the same cart, with three in it by now
    expect(progress).to_contain_text("With this order you reach Gold" if on_phone else "275.00 more and you reach Gold")
    if not on_phone:
        page.locator("#cart_products a[title='Add one']:visible").first.click()
        expect(progress).to_contain_text("50.00 more and you reach Gold")
        page.locator("#cart_products a[title='Add one']:visible").first.click()
        expect(progress).to_contain_text("With this order you reach Gold")
    assert page.evaluate("document.documentElement.scrollWidth") <= (390 if on_phone else 1400)
    progress.locator("a").click()
    expect(page.locator("[name=loyalty_headline]")).to_have_text(re.compile(r"500\.00 more and you reach Gold"))

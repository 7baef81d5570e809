/** @type {import("prettier").Config} */
module.exports = {
    plugins: [require.resolve("@prettier/plugin-xml")],
    printWidth: 120,
    tabWidth: 4,
    trailingComma: "es5",
    // Every text keeps its spaces and line breaks, and no space appears between two elements. OCA's "preserve" breaks
    // lines between elements: the portal would show more spaces, and Owl's templates fewer.
    xmlWhitespaceSensitivity: "strict",
    // as Odoo writes it: <field name="name"/>
    xmlSelfClosingSpace: false,
};

// What axe finds in a page.

import { require } from "./browser.mjs";

const { source } = require("axe-core");

/** The violations of rules for accessible pages, each with what violates it. */
export async function audit({ page }) {
  await page.evaluate(source);
  const { violations } = await page.evaluate(() => axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
}

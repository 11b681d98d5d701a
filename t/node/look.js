// SPDX-License-Identifier: Apache-2.0
// What tests that look at pages share: the look itself. axe-core looks at a page in two widths; nothing may be
// wider than the window, and no page has 100 KB. shots: a folder for pictures, or nothing.
const fs = require('fs');
const { ok, end, broke } = require('./tap.js');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

async function look(page, what, shots) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Runtime.evaluate', { expression: axe });
  const size = page.viewportSize();
  const found = [];
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 900 });
    const { result } = await cdp.send('Runtime.evaluate', { awaitPromise: true, returnByValue: true,
      expression: 'axe.run().then(r => JSON.stringify([r.violations.map(v => [v.impact, v.id, v.nodes[0].html]), document.documentElement.scrollWidth]))' });
    const [violations, scroll] = JSON.parse(result.value);
    found.push(...violations);
    if (scroll > width) found.push(['serious', 'wider than the window', `${scroll} > ${width}`]);
    if (shots) await page.screenshot({ path: `${shots}/${what.replace(/\W+/g, '-')}-${width}.png`, fullPage: true });
  }
  await page.setViewportSize(size);
  const weight = (await page.content()).length;
  ok(found.length === 0 && weight < 100000, `${what}: axe-core finds nothing at two widths, ${Math.ceil(weight / 1000)} KB`, JSON.stringify(found));
}

module.exports = { ok, end, broke, look };

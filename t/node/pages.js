// SPDX-License-Identifier: Apache-2.0
// The pages of records in Chromium, as people use them: from a patient to measurements and back, a search by the form.
// Argument: a JSON object { pages: [[address, what]], patient, shots, hostile: [addresses], readme }; readme: a folder
// for the README's pictures, or nothing. Prints TAP.
const { chromium } = require('playwright-core');
const { ok, end, broke, look } = require('./look.js');
const o = JSON.parse(process.argv[2]);

(async () => {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const open = async options => (await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })).newPage();
  const light = await open({ javaScriptEnabled: true }), dark = await open({ colorScheme: 'dark', locale: 'es-MX' });
  for (const [address, what] of o.pages) {
    await light.goto(address);
    await look(light, what, o.shots);
  }
  for (const [address, what] of o.pages.filter(p => p[2])) {
    await dark.goto(address);
    await look(dark, `${what}, dark, in Spanish`, o.shots);
  }
  // without scripts: from the patient to the observations of a code, and a search by the form
  const page = await open({ javaScriptEnabled: false });
  await page.goto(o.patient);
  await page.click('text=Observations');
  await page.click('text=all of these >> nth=0');
  ok(/[?&]code=/.test(page.url()), 'a row leads to all values of its code', page.url());
  await page.click('.finding summary');
  await page.fill('[name=code]', 'http://loinc.org|8867-4');
  await page.click('.finding button');
  ok(await page.locator('.plot polyline').count() === 1, 'the form asks for heart rates, which are a chart', page.url());
  ok(await page.locator('.records tbody tr').count() > 1, '  and a table');
  const colour = await page.locator('.plot polyline').evaluate(e => getComputedStyle(e).stroke);
  ok(/^rgb\((?!0, 0, 0)/.test(colour), '  with the style sheet', colour);
  if (o.readme) {
    const camera = await open({ viewport: { width: 900, height: 560 } });
    for (const [address, name] of [[o.patient, 'patient'], [page.url(), 'measurements']]) {
      await camera.goto(address);
      await camera.screenshot({ path: `${o.readme}/page-${name}.png` });
    }
  }
  // what was stored by an attacker
  const victim = await open({ javaScriptEnabled: true });
  const ran = [];
  victim.on('dialog', d => { ran.push(d.message()); d.dismiss(); });
  victim.on('request', r => { if (!r.url().startsWith(new URL(o.patient).origin) && !r.url().startsWith('data:')) ran.push(r.url()); });
  for (const address of o.hostile) await victim.goto(address);
  ok(o.hostile.length > 0 && ran.length === 0, `nothing runs or is loaded on ${o.hostile.length} hostile pages`, ran.join('\n'));
  await browser.close();
  end();
})().catch(broke);

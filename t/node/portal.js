// SPDX-License-Identifier: Apache-2.0
// The whole story in Chromium: a developer signs up and registers an app, the practice authorizes it, a clinician
// uses it. axe-core looks at each page, in two widths. Argument: a JSON object { portal, base, mails, password, user,
// admin, find, shots, readme }; shots: a folder for pictures, or nothing; readme: the same, for those of
// docs/portals.md. Prints TAP.
const { chromium } = require('playwright-core');
const fs = require('fs');
const crypto = require('crypto');
const o = JSON.parse(process.argv[2]);
const { ok, end, broke, look: lookAt } = require('./look.js');
const look = (page, what) => lookAt(page, what, o.shots);
const callback = 'http://127.0.0.1:18999/callback';

async function mail() {
  for (let i = 0; i < 500; i++) {
    const file = fs.readdirSync(o.mails).find(name => name.endsWith('.eml'));
    if (file) {
      const text = fs.readFileSync(`${o.mails}/${file}`, 'utf8');
      fs.unlinkSync(`${o.mails}/${file}`);
      return Buffer.from(text.split('\n\n')[1], 'base64').toString().match(/http:\S+/)[0];
    }
    await new Promise(r => setTimeout(r, 20));
  }
  throw new Error('no e-mail came');
}

async function picture(page, name) {
  if (!o.readme) return;
  const size = page.viewportSize();
  await page.setViewportSize({ width: 900, height: 700 });
  await page.screenshot({ path: `${o.readme}/page-${name}.png` });
  await page.setViewportSize(size);
}

const press = (page, step) => Promise.all([page.waitForNavigation(), page.click(`button[value="${step}"] >> nth=0`)]);

async function signIn(page, user) {
  await page.waitForSelector('#sign-in');
  await page.fill('#user', user);
  await page.fill('#password', o.password);
  await press(page, 'sign-in');
}

(async () => {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const context = () => browser.newContext({ viewport: { width: 1280, height: 900 }, javaScriptEnabled: true });
  const dev = await (await context()).newPage(), admin = await (await context()).newPage();

  for (const [path, what] of [['/', 'front page'], ['/directory', 'directory'], ['/help', 'refusals'],
    ['/status', 'status'],
    ...(o.docs || [])]) {
    await dev.goto(o.portal + path);
    await look(dev, what);
  }
  // the documentation's form, as the page's policy lets it be sent
  await dev.goto(o.portal + '/docs/R4/Patient');
  await dev.fill('#try [name=family]', o.find_family);
  await Promise.all([dev.waitForNavigation(), dev.click('#try button')]);
  ok(/\/dev\/r4\/Patient\?/.test(dev.url()) && await dev.locator('table a[href*="/Patient/p1"]').count() > 0,
    'the form of the documentation finds a patient', dev.url());
  // a developer
  await dev.goto(o.portal + '/connect');
  await look(dev, 'developer sign-in');
  await dev.click('#join');
  await look(dev, 'sign-up');
  await dev.fill('#email', 'story@apps.example');
  await dev.fill('#display', 'Story Teller');
  await dev.fill('#organization', 'Vital Apps Inc.');
  await dev.fill('#password', o.password);
  await dev.fill('[name=again]', o.password);
  await press(dev, 'join');
  await look(dev, 'notice');
  await dev.goto(await mail());
  await look(dev, 'confirmation');
  await press(dev, 'confirm');
  await dev.click('#go-on');
  await signIn(dev, 'story@apps.example');
  await look(dev, 'no apps');
  await dev.click('#account');
  await look(dev, 'account');
  await dev.goto(o.portal + '/connect/new');
  await dev.check('[value=public]');
  await dev.fill('#app', 'Heart Watch');
  await dev.fill('#description', 'Shows the heart rate of a patient as a chart.');
  await dev.locator('[name=staff]').check();
  await dev.locator('[name=patients]').check();
  await dev.fill('#scope_text', 'launch/patient patient/Patient.rs patient/Observation.rs offline_access');
  await look(dev, 'new app');
  await press(dev, 'create');
  await dev.fill('#test [name=redirects]', callback);
  await Promise.all([dev.waitForNavigation(), dev.click('#test button[value=save]')]);
  await dev.fill('#test [name=note]', 'We would like to show heart rates.');
  await Promise.all([dev.waitForNavigation(), dev.click('#test button[value=ask]')]);
  await look(dev, 'app');
  await dev.fill('#practices-q', 'hillside');
  await Promise.all([dev.waitForNavigation(), dev.click('#practices-search')]);
  await Promise.all([dev.waitForNavigation(), dev.click('button[value="ask-practice"]')]);
  const places = await dev.locator('#places').innerText();
  ok(/Hillside Pediatrics\s+Test\s+requested/.test(places), 'another practice is asked', places);
  await look(dev, 'app at two practices');
  const client = await dev.locator('#test code.url').first().textContent();
  await dev.click('#test .more a >> nth=0');
  await look(dev, 'test launch');
  await dev.goBack();
  await dev.click('#test .more a >> nth=1');
  await look(dev, 'letter');
  const approve = await dev.getAttribute('#approve', 'href');
  // the practice, by the letter's link
  await admin.goto(approve);
  await signIn(admin, o.admin);
  await look(admin, 'decision');
  await picture(admin, 'licence');
  await admin.goto(o.portal + '/licences');
  ok(/Heart Watch/.test(await admin.locator('main').innerText()), 'the app waits for the practice');
  await look(admin, 'licences');
  await admin.goto(approve);
  await admin.fill('[name=words]', 'Welcome');
  await press(admin, 'give');
  ok(/authorized/.test(await admin.locator('#message').innerText()), 'the practice authorizes it');
  // a clinician, in the app
  const verifier = crypto.randomBytes(32).toString('base64url');
  const query = new URLSearchParams({ response_type: 'code', client_id: client, redirect_uri: callback, aud: o.base,
    scope: 'launch/patient patient/Patient.rs patient/Observation.rs', state: 'story', code_challenge_method: 'S256',
    code_challenge: crypto.createHash('sha256').update(verifier).digest('base64url') });
  const tab = await context();
  await tab.route(callback + '*', route => route.fulfill({ contentType: 'text/html', body: 'back' }));
  const user = await tab.newPage();
  await user.goto(`${o.base}/auth/authorize?${query}`);
  await signIn(user, o.user);
  await user.fill('#find', o.find);
  await user.keyboard.press('Enter');
  await user.click('.row');
  await user.click('#allow');
  await user.waitForURL(u => u.href.startsWith(callback));
  const code = new URL(user.url()).searchParams.get('code');
  const token = await (await fetch(`${o.base}/auth/token`, { method: 'POST', body: new URLSearchParams({
    grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier, client_id: client }) })).json();
  const patient = await (await fetch(`${o.base}/Patient/${token.patient}`,
    { headers: { Authorization: `Bearer ${token.access_token}` } })).json();
  ok(patient.resourceType === 'Patient', 'the app reads the patient', JSON.stringify(patient));
  // use, tokens, and why
  await admin.goto(approve);
  ok(/Heart Watch/.test(await admin.locator('h1').innerText()) && await admin.locator('svg rect').count() === 4 * 30, 'use as charts');
  await look(admin, 'app in use');
  await admin.fill('[name=words]', 'Thank you, that was all');
  await press(admin, 'withdraw');
  await user.goto(`${o.base}/auth/authorize?${query}`);
  await dev.goto(o.portal + '/connect/why');
  ok(/has withdrawn/.test(await dev.locator('main').innerText()), 'the developer sees why it is refused now');
  await look(dev, 'why');
  await picture(dev, 'why');
  await dev.goto(o.portal + '/connect');
  ok(/Thank you, that was all/.test(await dev.locator('main').innerText()), '  with the words of the practice');
  await look(dev, 'apps');
  await dev.goto(o.portal + '/connect/reset');
  await look(dev, 'forgotten password');
  // dark, in Spanish, without scripts
  const other = await browser.newContext({ viewport: { width: 390, height: 900 }, colorScheme: 'dark', locale: 'es-MX' });
  const page = await other.newPage();
  for (const path of ['/', '/directory', '/connect/join', '/docs/R4/Patient']) {
    await page.goto(o.portal + path);
    await look(page, `dark, in Spanish: ${path}`);
  }
  const plain = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await plain.goto(o.portal + '/directory?q=lakeside');
  ok(/Lakeside/.test(await plain.locator('article').first().innerText()), 'the directory works without scripts');
  await browser.close();
  end();
})().catch(broke);

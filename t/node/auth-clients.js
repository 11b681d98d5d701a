// SPDX-License-Identifier: Apache-2.0
// Real clients against a server: fhirclient in Chromium, openid-client, and axe-core on each page.
// Argument: a JSON object { base, user, password, find, publicId, confidentialId, secret, redirect, keyId,
// backendId, key (a JWK on P-384, of both) }.
// Prints TAP.
const { chromium } = require('playwright-core');
const fs = require('fs');
const { pathToFileURL } = require('url');
globalThis.crypto ??= require('crypto').webcrypto; // Node 18
const o = JSON.parse(process.argv[2]);
const origin = new URL(o.redirect).origin;
const library = fs.readFileSync(require.resolve('fhirclient/build/fhir-client.js'), 'utf8');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

let n = 0, failed = 0;
const ok = (held, name, more = '') => {
  console.log(`${held ? 'ok' : 'not ok'} ${++n} - ${name}`);
  if (!held) { failed++; console.log(`# ${more}`.replace(/\n/g, '\n# ')); }
};

// The app's own pages, which no server has.
async function serve(context, options) {
  await context.route(origin + '/**', route => {
    const path = new URL(route.request().url()).pathname;
    if (path === '/fhir-client.js') return route.fulfill({ contentType: 'text/javascript', body: library });
    const script = path === '/launch'
      ? `FHIR.oauth2.authorize(${JSON.stringify(options)})`
      : `FHIR.oauth2.ready().then(async client => {
           const patient = await client.patient.read();
           const user = await client.user.read();
           document.body.dataset.result = JSON.stringify({ patient: patient.id, user: user.resourceType, scope: client.state.tokenResponse.scope });
         }).catch(e => { document.body.dataset.result = 'failed: ' + e.message; })`;
    return route.fulfill({ contentType: 'text/html', body: `<body><script src="/fhir-client.js"></script><script>${script}</script>` });
  });
}

// axe-core, past the page's policy by the debugger's door.
async function check(page, what) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Runtime.evaluate', { expression: axe });
  const { result } = await cdp.send('Runtime.evaluate', { awaitPromise: true, returnByValue: true,
    expression: 'axe.run().then(r => JSON.stringify(r.violations.map(v => [v.impact, v.id, v.nodes[0].html])))' });
  ok(result.value === '[]', `axe-core finds nothing: ${what}`, result.value);
}

async function walk(page, checked) {
  await page.waitForSelector('#sign-in');
  if (checked) await check(page, 'sign-in');
  await page.fill('#user', o.user);
  await page.fill('#password', o.password);
  await page.click('#sign-in');
  await page.waitForSelector('#find, #allow');
  if (await page.$('#find')) {
    await page.fill('#find', o.find);
    await page.keyboard.press('Enter'); // by keyboard: the first button is the search
    await page.waitForSelector('.row');
    if (checked) await check(page, 'choice of a patient');
    await page.click('.row');
    await page.waitForSelector('#allow');
  }
  if (checked) await check(page, 'consent');
  await page.click('#allow');
}

async function withFhirclient(browser, name, options, context = {}, checked = false) {
  const tab = await browser.newContext(context);
  await serve(tab, { iss: o.base, redirectUri: o.redirect, scope: 'launch/patient openid fhirUser patient/*.read user/Practitioner.read offline_access', ...options });
  const page = await tab.newPage();
  await page.goto(origin + '/launch');
  await walk(page, checked);
  await page.waitForSelector('body[data-result]');
  const title = await page.evaluate(() => document.body.dataset.result);
  ok(/"patient":"p1","user":"Practitioner"/.test(title), `fhirclient: ${name}`, title);
  await page.goto(o.base + '/auth/manage');
  if (checked) {
    await check(page, 'granted apps');
    await page.goto(o.base + '/auth/authorize?client_id=nobody');
    await check(page, 'error');
    await page.goto(o.base + '/auth/help');
    await check(page, 'help');
  }
  await tab.close();
}

async function withOpenid(browser) {
  const openid = await import(pathToFileURL(require.resolve('openid-client')));
  const config = await openid.discovery(new URL(o.base), o.confidentialId, o.secret, undefined, { execute: [openid.allowInsecureRequests] });
  ok(config.serverMetadata().issuer === o.base, 'openid-client: discovery');
  const verifier = openid.randomPKCECodeVerifier();
  const state = openid.randomState(), nonce = openid.randomNonce();
  const url = openid.buildAuthorizationUrl(config, { redirect_uri: o.redirect, scope: 'openid fhirUser offline_access user/Patient.rs',
    code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', state, nonce, aud: o.base });
  const tab = await browser.newContext();
  await tab.route(origin + '/**', route => route.fulfill({ contentType: 'text/html', body: 'back' }));
  const page = await tab.newPage();
  await page.goto(url.href);
  await walk(page, false);
  await page.waitForURL(u => u.href.startsWith(o.redirect));
  const tokens = await openid.authorizationCodeGrant(config, new URL(page.url()), { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce });
  ok(tokens.claims().fhirUser === o.base + '/Practitioner/doc', 'openid-client: code flow, id_token verified', JSON.stringify(tokens.claims()));
  const info = await openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  ok(info.sub === tokens.claims().sub, 'openid-client: userinfo');
  const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
  ok(next.refresh_token !== tokens.refresh_token, 'openid-client: refresh');
  ok((await openid.tokenIntrospection(config, next.access_token)).active === true, 'openid-client: introspection');
  await openid.tokenRevocation(config, next.refresh_token);
  ok((await openid.tokenIntrospection(config, next.access_token)).active === false, 'openid-client: revocation');
  await tab.close();
}

// A program without a user: openid-client gets the token with its key, fhirclient reads with it.
async function backendService() {
  const openid = await import(pathToFileURL(require.resolve('openid-client')));
  const key = await crypto.subtle.importKey('jwk', o.key, { name: 'ECDSA', namedCurve: 'P-384' }, false, ['sign']);
  const config = await openid.discovery(new URL(o.base), o.backendId, {}, openid.PrivateKeyJwt({ key, kid: o.key.kid }),
    { execute: [openid.allowInsecureRequests] });
  const tokenResponse = await openid.clientCredentialsGrant(config, { scope: 'system/*.rs' });
  ok(tokenResponse.expires_in === 300 && !tokenResponse.refresh_token, 'openid-client: client_credentials with a key',
    JSON.stringify(tokenResponse));
  const client = require('fhirclient')({}, {}, {}).client({ serverUrl: o.base, tokenResponse });
  const all = await client.request('Patient?_count=1', { pageLimit: 0, flat: true });
  ok(all.map(p => p.id).sort().join(' ') === 'dead p1 p2', 'fhirclient: a backend service reads all pages', JSON.stringify(all));
  const refused = await client.create({ resourceType: 'Patient' }).then(() => 'created', e => `${e.status} ${e.message}`);
  ok(/^403 /.test(refused) && /system\/Patient\.c/.test(refused), 'fhirclient: what is refused is told', refused);
}

(async () => {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage',
    '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests'] });
  await withFhirclient(browser, 'public, with PKCE', { clientId: o.publicId }, { viewport: { width: 1280, height: 800 } }, true);
  await withFhirclient(browser, 'confidential, on a phone, dark, in Spanish', { clientId: o.confidentialId, clientSecret: o.secret },
    { viewport: { width: 390, height: 800 }, colorScheme: 'dark', locale: 'es-MX' }, true);
  await withFhirclient(browser, 'confidential, with a key (ES384)',
    { clientId: o.keyId, clientPrivateJwk: o.key, scope: 'launch/patient openid fhirUser patient/*.rs user/Practitioner.rs offline_access' });
  await withOpenid(browser);
  await backendService();
  await browser.close();
  console.log(`1..${n}`);
  process.exit(failed ? 1 : 0);
})().catch(e => { console.log(`not ok ${++n} - it ran to its end\n# ${String(e.stack).replace(/\n/g, '\n# ')}\n1..${n}`); process.exit(1); });

// SPDX-License-Identifier: Apache-2.0
// A SMART app in one file: launched by itself or by the product, with PKCE; the patient's vital signs, a chart for
// each kind.

const bases = { staff: '/fhir/r4', patient: '/open/r4' };
// The portal launches the test client.
const clients = { alone: 'demo-public', launched: 'demo-public-test' };
const redirect = location.origin + location.pathname;
const byId = id => document.getElementById(id);

const base64url = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

function fail(text) {
  byId('error').textContent = text;
  byId('error').hidden = false;
}

async function configuration(base) {
  const answer = await fetch(base + '/.well-known/smart-configuration');
  return answer.json();
}

async function authorize(base, launch) {
  const { authorization_endpoint } = await configuration(base);
  const state = random();
  const verifier = random();
  const challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  const client = launch ? clients.launched : clients.alone;
  sessionStorage.setItem(state, JSON.stringify({ base, verifier, client }));
  location.assign(authorization_endpoint + '?' + new URLSearchParams({
    response_type: 'code', client_id: client, redirect_uri: redirect, state, aud: base,
    scope: (launch ? 'launch' : 'launch/patient') + ' openid fhirUser patient/Patient.rs patient/Observation.rs',
    code_challenge: challenge, code_challenge_method: 'S256', ...(launch && { launch }),
  }));
}

async function redeem(code, { base, verifier, client }) {
  const { token_endpoint } = await configuration(base);
  const answer = await fetch(token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirect,
      client_id: client, code_verifier: verifier }),
  });
  const token = await answer.json();
  if (!answer.ok) throw new Error(token.error_description);
  return token;
}

const element = (name, attributes, ...children) => {
  const node = document.createElementNS(name.startsWith('svg:') ? 'http://www.w3.org/2000/svg'
    : 'http://www.w3.org/1999/xhtml', name.replace('svg:', ''));
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};

// Values over time: [{ at, value }], in the order of time.
function chart(title, unit, points) {
  const width = 560, height = 180, left = 44, bottom = 24;
  const values = points.map(p => p.value), times = points.map(p => p.at);
  const low = Math.min(...values), high = Math.max(...values);
  const x = t => left + (width - left - 12) * (times.at(-1) === times[0] ? .5 : (t - times[0]) / (times.at(-1) - times[0]));
  const y = v => 12 + (height - bottom - 24) * (high === low ? .5 : (high - v) / (high - low));
  const day = t => new Date(t).toISOString().slice(0, 10);
  return element('svg:svg', { class: 'chart', viewBox: `0 0 ${width} ${height}`, role: 'img',
    'aria-label': `${title}: ${points.length} values from ${low} to ${high} ${unit}` },
  element('svg:line', { class: 'axis', x1: left, x2: width - 8, y1: height - bottom, y2: height - bottom }),
  element('svg:text', { x: 2, y: y(high) + 4 }, String(high)),
  element('svg:text', { x: 2, y: y(low) + 4 }, high === low ? '' : String(low)),
  element('svg:text', { x: left, y: height - 6 }, day(times[0])),
  element('svg:text', { x: width - 8, y: height - 6, 'text-anchor': 'end' }, day(times.at(-1))),
  element('svg:polyline', { class: 'curve', points: points.map(p => `${x(p.at)},${y(p.value)}`).join(' ') }),
  ...points.map(p => element('svg:circle', { class: 'point', cx: x(p.at), cy: y(p.value), r: 3 })));
}

function series(bundle) {
  const kinds = new Map();
  const add = (code, quantity, at) => {
    if (!quantity || !Number.isFinite(quantity.value) || !at) return;
    const name = code.text ?? code.coding?.[0]?.display ?? code.coding?.[0]?.code;
    if (!kinds.has(name)) kinds.set(name, { unit: quantity.unit ?? '', points: [] });
    kinds.get(name).points.push({ at: Date.parse(at), value: quantity.value });
  };
  for (const { resource: o } of bundle.entry ?? []) {
    if (o.resourceType !== 'Observation') continue;
    const at = o.effectiveDateTime ?? o.effectivePeriod?.start;
    add(o.code, o.valueQuantity, at);
    for (const part of o.component ?? []) add(part.code, part.valueQuantity, at);
  }
  for (const kind of kinds.values()) kind.points.sort((a, b) => a.at - b.at);
  return kinds;
}

async function show(token, base) {
  const get = async path => {
    const answer = await fetch(base + '/' + path, { headers: { Authorization: 'Bearer ' + token.access_token } });
    if (!answer.ok) throw new Error(answer.headers.get('WWW-Authenticate') ?? answer.status);
    return answer.json();
  };
  const patient = await get('Patient/' + token.patient);
  const name = patient.name?.[0] ?? {};
  const record = byId('record');
  record.append(element('h2', {}, [...(name.given ?? []), name.family ?? ''].join(' ')),
    element('p', { class: 'row-detail' }, `born ${patient.birthDate ?? '?'} · allowed: ${token.scope}`));
  const kinds = series(await get(`Observation?patient=${token.patient}&category=vital-signs&_count=500`));
  if (!kinds.size) record.append(element('p', { class: 'note' }, 'No vital signs were shared, or there are none.'));
  for (const [title, { unit, points }] of kinds)
    record.append(element('section', { class: 'vitals' }, element('h2', {}, `${title} (${unit})`), chart(title, unit, points)));
  record.hidden = false;
  byId('start').hidden = true;
}

async function main() {
  for (const kind of Object.keys(bases)) byId(kind).addEventListener('click', () =>
    authorize(location.origin + bases[kind]).catch(e => fail(e.message)));
  const answer = new URLSearchParams(location.search);
  if (answer.has('launch')) {
    const base = Object.values(bases).map(path => location.origin + path).find(url => url === answer.get('iss'));
    return base ? authorize(base, answer.get('launch')) : fail('This app does not know the server that launched it.');
  }
  if (!answer.has('state')) return;
  const kept = JSON.parse(sessionStorage.getItem(answer.get('state')) ?? 'null');
  sessionStorage.removeItem(answer.get('state'));
  history.replaceState(null, '', location.pathname);
  if (!kept || answer.get('iss') !== kept.base) return fail('This answer belongs to no request of this browser.');
  if (answer.has('error')) return fail(answer.get('error_description') ?? answer.get('error'));
  await show(await redeem(answer.get('code'), kept), kept.base);
}

main().catch(e => fail(e.message));

// SPDX-License-Identifier: Apache-2.0
// Clients of the DSTU2 generation against a server: fhir.js and fhirclient.
// Argument: a JSON object { base, token, patient, open }: open has no token and takes writes. Prints TAP.
const o = JSON.parse(process.argv[2]);
let n = 0, failed = 0;
const ok = (held, name, more = '') => {
  console.log(`${held ? 'ok' : 'not ok'} ${++n} - ${name}`);
  if (!held) { failed++; console.log(`# ${JSON.stringify(more)}`); }
};

async function fhirJs() {
  const make = require('fhir.js/src/adapters/node');
  const fhir = make({ baseUrl: o.base, auth: { bearer: o.token } });
  const conformance = (await fhir.conformance({})).data;
  ok(conformance.resourceType === 'Conformance' && conformance.fhirVersion === '1.0.2', 'fhir.js: conformance',
    conformance);
  const patient = (await fhir.read({ type: 'Patient', id: o.patient })).data;
  ok(patient.id === o.patient && Array.isArray(patient.name[0].family), 'fhir.js: read', patient);
  const page = (await fhir.search({ type: 'Observation', query: { patient: o.patient, _count: 1 } })).data;
  ok(page.resourceType === 'Bundle' && page.entry.length === 1, 'fhir.js: search', page);
  const next = (await fhir.nextPage({ bundle: page })).data;
  ok(next.entry.length === 1 && next.entry[0].fullUrl !== page.entry[0].fullUrl, 'fhir.js: the next page', next);
  const older = (await fhir.resourceHistory({ type: 'Patient', id: o.patient })).data;
  ok(older.type === 'history' && older.entry.length >= 1, 'fhir.js: history', older);
  const refused = await fhir.read({ type: 'Patient', id: 'nobody' }).catch(e => e);
  ok(refused.status === 404, 'fhir.js: what is not there', refused);

  const open = make({ baseUrl: o.open });
  const made = await open.create({ resource: { resourceType: 'Condition',
    patient: { reference: `Patient/${o.patient}` },
    code: { text: 'made by fhir.js' }, clinicalStatus: 'active', verificationStatus: 'confirmed' } });
  ok(made.status === 201, 'fhir.js: create', made);
}

async function fhirclient() {
  const Client = require('fhirclient/lib/Client').default;
  const Adapter = require('fhirclient/lib/adapters/NodeAdapter').default;
  const store = new Map();
  const storage = { get: async k => store.get(k), set: async (k, v) => store.set(k, v),
    unset: async k => store.delete(k) };
  const client = new Client(new Adapter({ request: {}, response: {}, storage }), { serverUrl: o.base,
    tokenResponse: { access_token: o.token, token_type: 'bearer', patient: o.patient } });
  ok(await client.getFhirRelease() === 2, 'fhirclient: the release is 2', await client.getFhirRelease());
  const patient = await client.patient.read();
  ok(patient.id === o.patient, 'fhirclient: the patient of the launch', patient);
  const all = await client.patient.request('Observation?_count=1', { pageLimit: 0, flat: true });
  ok(all.length === 2 && all.every(x => x.resourceType === 'Observation'), 'fhirclient: all pages', all);
  const orders = await client.patient.request('MedicationOrder?_id=m1&_include=MedicationOrder:medication',
    { flat: true });
  ok(orders.map(x => x.resourceType).sort().join() === 'Medication,MedicationOrder',
    'fhirclient: an order with its medication', orders);
  const order = await client.request(`MedicationOrder/${orders.find(x => x.resourceType === 'MedicationOrder').id}`,
    { resolveReferences: ['patient', 'medicationReference'] });
  ok(order.patient.id === o.patient && order.medicationReference.resourceType === 'Medication',
    'fhirclient: references are resolved', order);
}

(async () => {
  await fhirJs();
  await fhirclient();
})().catch(e => ok(false, 'an error', e.stack || e)).finally(() => {
  console.log(`1..${n}`);
  process.exit(failed ? 1 : 0);
});

// SPDX-License-Identifier: Apache-2.0
// Ordinary client libraries on a developer endpoint: each one's create, read, change and update, without any
// option for this server. Argument: the base URL. Prints TAP.
const base = process.argv[2];
let n = 0, failed = 0;
const ok = (held, name, more = '') => {
  console.log(`${held ? 'ok' : 'not ok'} ${++n} - ${name}`);
  if (!held) { failed++; console.log(`# ${JSON.stringify(more)}`); }
};
const patient = family => ({ resourceType: 'Patient', name: [{ family }] });

// What each library does, in its own words.
const libraries = {
  'fhir-kit-client': () => {
    const Client = require('fhir-kit-client');
    const client = new Client({ baseUrl: base });
    return {
      create: body => client.create({ resourceType: 'Patient', body }),
      read: id => client.read({ resourceType: 'Patient', id }),
      update: body => client.update({ resourceType: 'Patient', id: body.id, body }),
      search: family => client.search({ resourceType: 'Patient', searchParams: { family } }),
      remove: id => client.delete({ resourceType: 'Patient', id }),
      status: error => error.response.status,
    };
  },
  fhirclient: () => {
    const Client = require('fhirclient/lib/Client').default;
    const Adapter = require('fhirclient/lib/adapters/NodeAdapter').default;
    const storage = { get: async () => undefined, set: async (k, v) => v, unset: async () => true };
    const client = new Client(new Adapter({ request: {}, response: {}, storage }), { serverUrl: base });
    return {
      create: body => client.create(body),
      read: id => client.request(`Patient/${id}`),
      update: body => client.update(body),
      search: family => client.request(`Patient?family=${family}`),
      remove: id => client.delete(`Patient/${id}`),
      status: error => error.statusCode,
    };
  },
  'fhir.js': () => {
    const client = require('fhir.js/src/adapters/node')({ baseUrl: base });
    return {
      create: async resource => (await client.create({ resource })).data,
      read: async id => (await client.read({ type: 'Patient', id })).data,
      update: async resource => (await client.update({ resource })).data,
      search: async family => (await client.search({ type: 'Patient', query: { family } })).data,
      remove: id => client.delete({ resource: { resourceType: 'Patient', id } }),
      status: error => error.status,
    };
  },
};

(async () => {
  for (const [name, make] of Object.entries(libraries)) {
    const client = make(), family = name.replace(/[^a-z]/g, '');
    const made = await client.create(patient(family));
    ok(made.id && made.meta.versionId === '1', `${name}: create`, made);
    const read = await client.read(made.id), old = structuredClone(read);
    ok(read.id === made.id && read.name[0].family === family, `${name}: read`, read);
    read.birthDate = '1970-01-02';
    const updated = await client.update(read);
    ok(updated.birthDate === '1970-01-02' && updated.meta.versionId === '2', `${name}: change and update`, updated);
    const stale = await client.update({ ...old, birthDate: '1980-01-02' }).then(() => 0, client.status);
    ok(stale === 412, `${name}: what was read before another change is refused`, stale);
    const own = await client.update({ ...patient(family), id: `own-${family}` });
    ok(own.id === `own-${family}`, `${name}: an id of its own`, own);
    const found = await client.search(family);
    ok(found.total === 2 && found.entry.some(e => e.resource.birthDate === '1970-01-02'), `${name}: search`, found);
    await client.remove(made.id);
    const gone = await client.read(made.id).then(() => 0, client.status);
    ok(gone === 410, `${name}: delete`, gone);
  }
})().catch(e => ok(false, 'an error', e.stack || e)).finally(() => {
  console.log(`1..${n}`);
  process.exit(failed ? 1 : 0);
});

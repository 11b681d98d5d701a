// SPDX-License-Identifier: Apache-2.0
// The documents of the API for tools: OpenAPI by its public schema, the Postman collection as Postman's own library
// reads it, and all of its requests run by newman. Argument: a file with a JSON object { openapi, collection, environment, token }.
// Prints TAP. (There is no npm package with the schema of Postman's format.)
const newman = require('newman');
const { Collection } = require('postman-collection');
const { ok, end, broke } = require('./tap.js');
const o = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'));

(async () => {
  const { Validator } = await import(require.resolve('@seriousme/openapi-schema-validator'));
  const validator = new Validator();
  const result = await validator.validate(o.openapi);
  ok(result.valid && validator.version === '3.1', 'OpenAPI is valid by its schema', JSON.stringify(result.errors, null, 1));
  const collection = new Collection(o.collection);
  const names = [];
  collection.forEachItem(item => { if (item.request.method && item.request.url.getHost()) names.push(item.name); });
  ok(names.length === o.collection.item.length, 'the collection reads the same in the library of Postman');
  const variables = o.environment.values.map(v => (v.key === 'token' ? { ...v, value: o.token } : v));
  const run = await new Promise((resolve, reject) => newman.run({ collection: o.collection,
    environment: { ...o.environment, values: variables }, reporters: [] }, (e, summary) => (e ? reject(e) : resolve(summary))));
  const failures = run.run.failures.map(f => `${f.source.name}: ${f.error.message}`);
  ok(failures.length === 0, 'newman: each request is answered as its test says', failures.join('\n'));
  ok(run.run.stats.requests.total === names.length && run.run.stats.assertions.total >= names.length,
    `  all ${names.length}, each with a test`, JSON.stringify(run.run.stats.assertions));
  end();
})().catch(broke);

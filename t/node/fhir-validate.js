// SPDX-License-Identifier: Apache-2.0
// Validates the resources of an NDJSON file against base FHIR R4 with npm "fhir":
//   node fhir-validate.js FILE    prints a line for each kind of finding, with an example.
'use strict';
const fs = require('fs');
const { Fhir } = require('fhir');

const fhir = new Fhir();
const findings = new Map();
let count = 0;
for (const line of fs.readFileSync(process.argv[2], 'utf8').split('\n')) {
    if (line === '') continue;
    const resource = JSON.parse(line);
    count++;
    const result = fhir.validate(resource, { errorOnUnexpected: true });
    for (const m of result.messages) {
        if (m.severity !== 'error' && m.severity !== 'fatal') continue;
        const text = `${m.location.replace(/\[\d+\]/g, '')}: ${m.message}`;
        if (!findings.has(text)) findings.set(text, `${resource.resourceType}/${resource.id}`);
    }
}
for (const [text, example] of findings) console.log(`${text} (${example})`);
console.log(`checked ${count}`);

// SPDX-License-Identifier: Apache-2.0
// Which lines of an NDJSON file npm "fhir" finds errors in, as base FHIR R4:
//   node fhir-lines.js FILE    prints "LINE location: message" of the first error of each such line.
'use strict';
const fs = require('fs');
const { Fhir } = require('fhir');

const fhir = new Fhir();
fs.readFileSync(process.argv[2], 'utf8').split('\n').forEach((line, index) => {
    if (line === '') return;
    let message;
    try {
        const result = fhir.validate(JSON.parse(line), { errorOnUnexpected: true });
        message = result.messages.find((m) => m.severity === 'error' || m.severity === 'fatal');
    } catch (error) {
        message = { location: '-', message: `threw ${error.message}` };
    }
    if (message) console.log(`${index + 1} ${message.location}: ${message.message}`);
});

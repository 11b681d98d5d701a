// SPDX-License-Identifier: Apache-2.0
// Evaluates the constraints of profiles (elements' constraint.expression) with npm "fhirpath":
//   node sample-constraints.js NDJSON DIR...    DIR holds StructureDefinition-*.json
// Prints a line for each constraint that fails, with an example. resolve() answers from the file.
'use strict';
const fs = require('fs');
const path = require('path');
const fhirpath = require('fhirpath');
const r4 = require('fhirpath/fhir-context/r4');

const lines = fs.readFileSync(process.argv[2], 'utf8').split('\n').filter((l) => l !== '');
const resources = lines.map((l) => JSON.parse(l));
const failures = new Map();
let evaluated = 0;

// References are told by their type, which is what the constraints ask for.
const functions = {
    resolve: {
        fn: (inputs) => inputs.map((i) => i.reference || i).filter((s) => typeof s === 'string')
            .map((s) => ({ resourceType: s.split('/')[0] })),
        arity: { 0: [] },
    },
};

function constraintsOf(profile) {
    const list = [];
    for (const element of profile.differential.element) {
        for (const c of element.constraint || []) {
            if (c.severity === 'error' && c.expression) list.push([element.id, c]);
        }
    }
    return list;
}

// The path of an element id as an expression: slices are taken whole, choices by ofType.
function pathOf(id) {
    return id.split('.').slice(1).map((s) => s.replace(/:.*/, '').replace(/\[x\]$/, '')).join('.');
}

for (const dir of process.argv.slice(3)) {
    for (const file of fs.readdirSync(dir).filter((f) => /^StructureDefinition-.*\.json$/.test(f))) {
        const profile = JSON.parse(fs.readFileSync(path.join(dir, file), 'utf8'));
        if (profile.kind !== 'resource') continue;
        for (const [id, c] of constraintsOf(profile)) {
            if (/:/.test(id) && !/identifier:NPI/.test(id)) continue;
            const at = pathOf(id);
            const npi = /identifier:NPI/.test(id) ? ".where(system='http://hl7.org/fhir/sid/us-npi')" : '';
            const expression = at === '' ? c.expression : `${at}${npi}.all(${c.expression})`;
            let compiled;
            try {
                compiled = fhirpath.compile(expression, r4, { userInvocationTable: functions });
            } catch (e) {
                failures.set(`${profile.version} ${profile.id} ${c.key}: not compiled: ${e.message}`, '');
                continue;
            }
            for (const resource of resources) {
                if (!resource.meta || !(resource.meta.profile || []).includes(profile.url)) continue;
                evaluated++;
                let result;
                try {
                    result = compiled(resource, { resource, rootResource: resource });
                } catch (e) {
                    result = [e.message];
                }
                if (result.length && result[0] !== true) {
                    const text = `${profile.version} ${profile.id} ${id} ${c.key}: ${c.human} ${result[0]}`;
                    if (!failures.has(text)) failures.set(text, `${resource.resourceType}/${resource.id}`);
                }
            }
        }
    }
}
for (const [text, example] of failures) console.log(`${text} (${example})`);
console.log(`evaluated ${evaluated > 1000 ? 'more than 1000' : evaluated}`);

// SPDX-License-Identifier: Apache-2.0
// A second opinion on FHIRPath: the expressions of R4's and US Core's invariants and of all search
// parameters, run on HL7's examples by our evaluator and by the npm package fhirpath.
// Arguments: t/unit/path_run, the folder ../shared/fhir. Prints one JSON object with what it found.
const fs = require('fs'), path = require('path'), zlib = require('zlib');
const { spawnSync } = require('child_process');
const fhirpath = require('fhirpath'), r4 = require('fhirpath/fhir-context/r4');

const [pathRun, shared] = process.argv.slice(2);
const invariants = new Map(), parameters = new Map();

function collect(resource) {
    if (resource.resourceType === 'StructureDefinition') {
        for (const element of (resource.snapshot || { element: [] }).element) {
            for (const c of element.constraint || []) {
                if (!c.expression) continue;
                const type = element.path.split('.')[0];
                if (!invariants.has(type)) invariants.set(type, new Map());
                invariants.get(type).set(element.path + ' ' + c.expression,
                    { key: c.key, severity: c.severity, path: element.path, expression: c.expression,
                        base: resource.url.startsWith('http://hl7.org/fhir/StructureDefinition/' + type) });
            }
        }
    }
    if (resource.resourceType === 'SearchParameter' && resource.expression) {
        for (const base of resource.base) {
            if (!parameters.has(base)) parameters.set(base, new Set());
            parameters.get(base).add(resource.expression);
        }
    }
}

// The JSON files of a .tgz: blocks of 512 bytes, a header before each file.
function* untar(file) {
    const tar = zlib.gunzipSync(fs.readFileSync(file));
    for (let at = 0; at + 512 <= tar.length && tar[at];) {
        const name = tar.toString('utf8', at, tar.indexOf(0, at));
        const size = parseInt(tar.toString('latin1', at + 124, at + 136), 8) || 0;
        if (/^package\/[^/]+\.json$/.test(name))
            yield tar.toString('utf8', at + 512, at + 512 + size);
        at += 512 + Math.ceil(size / 512) * 512;
    }
}

for (const file of ['profiles-resources', 'profiles-types', 'search-parameters']) {
    const text = zlib.gunzipSync(fs.readFileSync(`${shared}/r4/definitions/${file}.json.gz`));
    for (const entry of JSON.parse(text).entry) collect(entry.resource);
}
for (const file of fs.readdirSync(`${shared}/us-core`).filter((f) => f.endsWith('.tgz'))) {
    for (const text of untar(`${shared}/us-core/${file}`)) collect(JSON.parse(text));
}

// A task is an expression on a file: for an invariant, on each element that it is written at.
const tasks = [];
const examples = fs.readdirSync(`${shared}/r4/pairs`).filter((f) => f.endsWith('.json')).sort();
for (const name of examples) {
    const file = `${shared}/r4/pairs/${name}`;
    const type = JSON.parse(fs.readFileSync(file)).resourceType;
    for (const base of [type, 'DomainResource', 'Resource']) {
        for (const expression of parameters.get(base) || []) tasks.push({ file, expression });
    }
    for (const i of (invariants.get(type) || new Map()).values()) {
        const task = { file, expression: i.expression, invariant: i };
        // As an identifier, div is an operator's name.
        if (i.path.includes('.'))
            task.context = i.path.replace(/\[x\]/g, '').replace(/\.div\b/g, '.`div`');
        tasks.push(task);
    }
}

const done = spawnSync(pathRun, [], {
    input: tasks.map((t) => JSON.stringify(t)).join('\n') + '\n', maxBuffer: 1 << 30,
});
if (done.status !== 0) throw new Error(`path_run: ${done.status} ${done.signal} ${done.stderr}`);
const ours = done.stdout.toString().trim().split('\n').map((line) => JSON.parse(line));

const options = { async: false, traceFn: () => {}, resolveInternalTypes: false };
let file, resource;
function theirs(task) {
    if (file !== task.file) {
        file = task.file;
        resource = JSON.parse(fs.readFileSync(file));
    }
    const around = { resource, rootResource: resource };
    try {
        if (!task.context)
            return { values: fhirpath.evaluate(resource, task.expression, around, r4, options) };
        const values = [];
        for (const item of fhirpath.evaluate(resource, task.context, {}, r4, options))
            values.push(...fhirpath.evaluate(item, task.expression, around, r4, options));
        return { values };
    } catch (e) {
        return { error: String(e.message || e) };
    }
}

// Values without what only one side gives: items without a value, links to parents.
function plain(values) {
    return JSON.stringify(values.filter((v) => v !== null && v !== undefined), (key, v) =>
        typeof v === 'bigint' ? Number(v)
            : v && typeof v === 'object' && /^FP_/.test(v.constructor.name) ? v.toString()
                : key.startsWith('_') ? undefined : v);
}

const result = { examples: examples.length, tasks: tasks.length, same: 0, only_ours: {}, differ: [],
    errors: [], broken: [] };
tasks.forEach((task, i) => {
    const mine = ours[i], other = theirs(task);
    const where = `${path.basename(task.file)} ${task.context || ''}: ${task.expression}`;
    const inv = task.invariant;
    if (mine.error) result.errors.push(`${where}: ${mine.error}`);
    else if (inv && inv.base && inv.severity === 'error' && mine.values.includes(false))
        result.broken.push(`${inv.key} ${where}`);
    if (other.error) {
        const why = other.error.replace(/[^A-Za-z' ].*/s, '');
        result.only_ours[why] = (result.only_ours[why] || 0) + 1;
    } else if (!mine.error && plain(mine.values) === plain(other.values)) result.same++;
    else result.differ.push(`${where}\n  ours ${JSON.stringify(mine)}\n  js   ${plain(other.values)}`);
});
console.log(JSON.stringify(result));

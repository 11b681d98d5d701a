// SPDX-License-Identifier: Apache-2.0
// Resources at random from the snapshots of profiles, and what becomes of them:
//   dstu2-generated.js make RELEASE DEFINITIONS PROFILES TYPES SEED COUNT      resources, JSON a line
//   dstu2-generated.js compare RELEASE PROFILES TYPES BEFORE AFTER             what must be supported and differs
//   dstu2-generated.js whole RELEASE BEFORE AFTER                              all that differs
//   dstu2-generated.js bare RELEASE FILE                 without the extensions that stand for lost elements
// RELEASE is r4 or dstu2; DEFINITIONS HL7's folder; PROFILES folders with StructureDefinitions, or "base": HL7's own of
// the types; TYPES those that are served, divided by commas. Differences: "[lost|new|changed] PATH COUNT: BEFORE > AFTER" (one of them).
'use strict';

const fs = require('fs');
const path = require('path');
const zlib = require('zlib');

const [command, release, ...args] = process.argv.slice(2);
const isDstu2 = release === 'dstu2';

function read(file) {
    const bytes = fs.readFileSync(file);
    return JSON.parse(file.endsWith('.gz') ? zlib.gunzipSync(bytes) : bytes);
}

function profilesOf(folders) {
    return folders.split(',').flatMap((folder) => fs.readdirSync(folder)
        .filter((name) => /^StructureDefinition-.*\.json$/.test(name)).sort().map((name) => read(path.join(folder, name))))
        .filter((sd) => sd.snapshot);
}

// What a profile is of.
const typeOf = (sd) => sd.snapshot.element[0].path;
const isProfile = (sd) => typeOf(sd) !== 'Extension' && (sd.kind === 'resource');

// ---- what must be supported ----

// Paths without slices: a path of another is not needed when parts of it are. Extensions by URL.
function mustSupport(sd, served) {
    const paths = new Set(), urls = new Set();
    for (const e of sd.snapshot.element) {
        if (!e.mustSupport || !e.path.includes('.') || /\.meta\b/.test(e.path)) continue;
        if (/\.extension$/.test(e.path)) {
            for (const t of e.type || []) for (const url of [].concat(t.profile || [])) if (e.path.split('.').length === 2) urls.add(url.split('|')[0]);
            continue;
        }
        if (/\.extension\b/.test(e.path)) continue;
        paths.add(e.path);
    }
    const list = [...paths].filter((p) => ![...paths].some((q) => q.startsWith(`${p}.`)));
    return { paths: list, urls: [...urls] };
}

// ---- values ----

let state = 1;
function random(n) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * n);
}
const pick = (list) => list[random(list.length)];
const chance = (percent) => random(100) < percent;
let serial = 0;
const word = () => pick(['Alpha', 'beta é', 'gamma <&>', 'delta "x"', 'Ω']) + ' ' + (++serial);
const day = () => `20${10 + random(15)}-0${1 + random(9)}-1${random(10)}`;
const instant = () => `${day()}T0${random(10)}:1${random(10)}:2${random(10)}${pick(['Z', '+02:00', '-05:00'])}`;

const PRIMITIVES = {
    base64Binary: () => 'AAEC', boolean: () => chance(50), canonical: () => `http://example.org/${++serial}`,
    code: () => `c${++serial}`, date: () => pick([day(), day().slice(0, 7), day().slice(0, 4)]),
    dateTime: () => pick([day(), day().slice(0, 7), day().slice(0, 4), instant()]), decimal: () => pick([1, 0.25, 12.5, 70]),
    id: () => `i${++serial}`, instant, integer: () => 1 + random(100), markdown: () => `*${word()}*`,
    oid: () => 'urn:oid:1.2.3', positiveInt: () => 1 + random(9), string: word, time: () => '10:11:12',
    unsignedInt: () => random(9), uri: () => `http://example.org/u${++serial}`, url: () => `http://example.org/l${++serial}`,
    uuid: () => 'urn:uuid:a5afddf4-e880-459b-876e-e4591b0acc11',
};
const typeName = (t) => t.code.startsWith('http://hl7.org/fhirpath/System.') ? 'string' : t.code;

class Maker {
    constructor(definitions, profiles, types, folders) {
        this.types = {};
        this.sets = {};
        this.systems = {};
        for (const name of ['profiles-types', 'valuesets', 'v3-codesystems', 'v2-tables'])
            for (const { resource } of read(path.join(definitions, `${name}.json.gz`)).entry) this.add(resource);
        this.isBase = folders === 'base';
        for (const folder of this.isBase ? [] : folders.split(','))
            for (const name of fs.readdirSync(folder).filter((n) => /^(ValueSet|CodeSystem)-.*\.json$/.test(n)).sort())
                this.add(read(path.join(folder, name)));
        this.extensions = {};
        this.byUrl = {};
        this.served = types;
        for (const sd of profiles) {
            this.byUrl[sd.url] = sd;
            if (typeOf(sd) === 'Extension') this.extensions[sd.url] = sd;
        }
    }
    add(r) {
        if (r.resourceType === 'StructureDefinition') this.types[r.name && isDstu2 ? r.id : r.type || r.id] = r;
        else if (r.resourceType === 'CodeSystem') this.systems[r.url] = r.concept || [];
        else if (r.resourceType === 'ValueSet') {
            this.sets[r.url] = r;
            if (r.codeSystem) this.systems[r.codeSystem.system] = r.codeSystem.concept || [];
        }
    }
    // Codings of a binding that are known, or none.
    codings(binding) {
        const url = binding && (binding.valueSet || binding.valueSetUri ||
            (binding.valueSetReference && binding.valueSetReference.reference));
        const set = url && this.sets[url.split('|')[0]];
        if (!set) return [];
        if (!set.codings) {
            set.codings = [];
            const flat = (system, list) => list.forEach((c) => {
                if (!c.abstract) set.codings.push({ system, code: c.code, display: c.display });
                flat(system, c.concept || []);
            });
            if (set.codeSystem) flat(set.codeSystem.system, set.codeSystem.concept || []);
            for (const include of (set.compose && set.compose.include) || [])
                if (include.system && !include.filter) flat(include.system, include.concept || this.systems[include.system] || []);
        }
        return set.codings;
    }
    coding(binding) {
        const known = this.codings(binding);
        const one = known.length && chance(80) ? { ...pick(known) } : { system: 'http://snomed.info/sct', code: `${1000 + ++serial}`, display: word() };
        if (!one.display || chance(20)) delete one.display;
        return one;
    }
    concept(binding, required) {
        const known = this.codings(binding);
        const concept = { coding: [required && known.length ? { ...pick(known) } : this.coding(binding)] };
        if (!concept.coding[0].display) delete concept.coding[0].display;
        if (chance(20) && !required) concept.coding.push(this.coding(binding));
        concept.text = word();
        return concept;
    }
    reference(types) {
        const targets = types.filter((t) => t.code === 'Reference')
            .flatMap((t) => [].concat(t.targetProfile || (isDstu2 && t.profile) || []))
            .map((url) => this.byUrl[url] ? typeOf(this.byUrl[url]) : url.split('/').pop())
            .map((name) => name === 'Resource' || name === 'Any' ? 'Patient' : name.startsWith('us-core-') ? null : name);
        const some = targets.filter((name) => name && this.served.includes(name));
        return some.length ? { reference: `${pick(some)}/x${++serial}`, display: word() } : { display: word() };
    }
    value(type, element, depth) {
        const types = element.type || [];
        const required = element.binding && element.binding.strength === 'required';
        if (PRIMITIVES[type]) {
            if (/\.language$/.test(element.path) && type === 'code') return pick(['en', 'de-CH']);
            if (element.path === 'SampledData.data') return '1 2.5 E';
            if (type === 'code' && this.codings(element.binding).length) return pick(this.codings(element.binding)).code;
            return PRIMITIVES[type]();
        }
        if (type === 'Reference') return this.reference(types);
        if (type === 'CodeableConcept') return this.concept(element.binding, required);
        if (type === 'Coding') return this.coding(element.binding);
        const sd = this.types[type];
        if (!sd) return undefined;
        return this.object(this.tree(sd), depth + 1);
    }
    // Elements by their parent, without slices.
    tree(sd) {
        if (!sd.tree) {
            const nodes = {};
            for (const e of sd.snapshot.element) {
                if (nodes[e.path]) continue;
                nodes[e.path] = { element: e, children: [] };
                const parent = nodes[e.path.replace(/\.[^.]+$/, '')];
                if (e.path.includes('.') && parent) parent.children.push(nodes[e.path]);
            }
            sd.tree = nodes[typeOf(sd)];
        }
        return sd.tree;
    }
    wanted(element, depth) {
        return element.min > 0 || chance(element.mustSupport ? 80 : depth === 0 && !this.isBase ? 15 : 40);
    }
    object(node, depth) {
        const made = {};
        for (const child of node.children) {
            const e = child.element, name = e.path.replace(/.*\./, '');
            if (/^(id|meta|implicitRules|contained|extension|modifierExtension)$/.test(name) || e.max === '0' || (depth > 4 && !e.min)) continue;
            if ((/^(text|language)$/.test(name) && depth === 0) || (depth > 0 && e.path === 'Quantity.comparator')) continue;
            if (e.contentReference || e.nameReference || !this.wanted(e, depth)) continue;
            if (e.path === 'Attachment.size') continue; // it must be that of the data
            const many = (e.base || e).max !== '1', list = []; // as lists are written, which profiles do not change
            const type = pick([...new Set((e.type || []).map(typeName))].filter((t) => t !== 'Resource' && t !== 'Extension'));
            if (!type) continue;
            for (let n = many && chance(35) ? 2 : 1; n > 0; n--) {
                const given = Object.keys(e).find((k) => /^(fixed|pattern)/.test(k));
                const value = given ? JSON.parse(JSON.stringify(e[given]))
                    : child.children.length && /^(BackboneElement|Element)$/.test(type) ? this.object(child, depth + 1)
                    : this.value(type, e, depth);
                if (value !== undefined && !(typeof value === 'object' && !Object.keys(value).length)) list.push(value);
            }
            if (list.length) made[name.replace('[x]', type[0].toUpperCase() + type.slice(1))] = many ? list : list[0];
        }
        return depth && !Object.keys(made).length ? this.least(node) : made;
    }
    // An object has something: the first of its elements that is a single primitive.
    least(node) {
        const child = node.children.find(({ element: e }) => e.max === '1' && !/\.(id|size)$/.test(e.path) &&
            e.type && e.type.length === 1 && PRIMITIVES[typeName(e.type[0])]);
        return child ? { [child.element.path.replace(/.*\./, '')]: this.value(typeName(child.element.type[0]), child.element, 0) } : {};
    }
    // By the definition of an extension: a value, or one in each of its parts.
    extension(url) {
        const sd = this.extensions[url];
        if (!sd) return null;
        const parts = sd.snapshot.element.filter((e) => /^Extension\.extension\.value\[x\]$|^Extension\.extension\.value[A-Z]/.test(e.path));
        const urls = sd.snapshot.element.filter((e) => e.path === 'Extension.extension.url');
        const one = (e, at) => {
            const type = e.type[0].code, value = this.value(type, e, 1);
            return { url: at, [`value${type[0].toUpperCase()}${type.slice(1)}`]: value };
        };
        if (parts.length && parts.length === urls.length)
            return { url, extension: parts.map((e, i) => one(e, urls[i].fixedUri)).filter((x) => Object.values(x)[1] !== undefined) };
        const value = sd.snapshot.element.find((e) => /^Extension\.value/.test(e.path) && e.max !== '0');
        return value ? one(value, url) : null;
    }
    resource(sd, must) {
        const made = { resourceType: typeOf(sd), id: `g${++serial}`, ...this.object(this.tree(sd), 0) };
        const extensions = must.urls.filter(() => chance(70)).map((url) => this.extension(url)).filter(Boolean);
        if (extensions.length) made.extension = extensions;
        return valid(made);
    }
}

// Rules that the definitions' cardinalities do not say.
function valid(r) {
    const code = (concept) => concept && concept.coding && concept.coding[0].code;
    if (r.resourceType === 'AllergyIntolerance' && !isDstu2 && code(r.verificationStatus) === 'entered-in-error') delete r.clinicalStatus;
    if (r.resourceType === 'Condition' && !isDstu2 && code(r.verificationStatus) === 'entered-in-error') delete r.clinicalStatus;
    if (r.resourceType === 'Provenance' && isDstu2 && !r.agent) // R4 requires one
        r.agent = [{ role: { system: 'http://hl7.org/fhir/provenance-participant-role', code: 'author' }, actor: { display: word() } }];
    for (const entry of [].concat(r.communication || [])) {
        const language = r.resourceType === 'Practitioner' ? entry : entry.language;
        if (language && language.coding) language.coding = [{ system: 'urn:ietf:bcp:47', code: pick(['en', 'es', 'fr']) }];
    }
    return r;
}

function make(definitions, folders, types, seed, count) {
    const served = types.split(','), isBase = folders === 'base';
    const profiles = isBase ? read(path.join(definitions, 'profiles-resources.json.gz')).entry.map((e) => e.resource)
        .filter((r) => r.resourceType === 'StructureDefinition' && r.snapshot) : profilesOf(folders);
    const maker = new Maker(definitions, profiles, served, folders);
    state = Number(seed);
    for (const sd of profiles.filter((p) => isProfile(p) && served.includes(typeOf(p)))) {
        const must = mustSupport(sd);
        if (!must.paths.length && !isBase) continue;
        for (let i = 0; i < Number(count); i++)
            console.log(JSON.stringify({ ...maker.resource(sd, must), language: 'en', implicitRules: `urn:profile:${sd.id}` }));
    }
}

// ---- comparison ----

const members = (node, name) => {
    if (!name.endsWith('[x]')) return name in node ? [[name, node[name]]] : [];
    const start = name.slice(0, -3);
    return Object.keys(node).filter((k) => k.startsWith(start) && /^[A-Z]/.test(k.slice(start.length))).map((k) => [k, node[k]]);
};
// [name, value] of all that a path names, in order.
function at(node, steps) {
    if (Array.isArray(node)) return node.flatMap((n) => at(n, steps));
    if (node === null || typeof node !== 'object') return [];
    const [first, ...rest] = steps;
    return members(node, first).flatMap(([name, value]) => {
        if (rest.length) return at(value, rest);
        return (Array.isArray(value) ? value : [value]).map((v) => [name, v]);
    });
}

function differences(was, is, where, found) {
    if (was === undefined || is === undefined) {
        found.push([was === undefined ? 'new' : 'lost', where, was, is]);
    } else if (Array.isArray(was) && Array.isArray(is)) {
        for (let i = 0; i < Math.max(was.length, is.length); i++) differences(was[i], is[i], where, found);
    } else if (was && is && typeof was === 'object' && typeof is === 'object') {
        for (const k of new Set([...Object.keys(was), ...Object.keys(is)])) differences(was[k], is[k], `${where}.${k}`, found);
    } else if (was !== is) {
        found.push(['changed', where, was, is]);
    }
}

function sameInOtherOrder(a, b) {
    const [x, y] = [a, b].map((list) => list.map((v) => JSON.stringify(v)));
    return x.join() !== y.join() && x.sort().join() === y.sort().join();
}

const lines = (file) => fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));

function note(seen, found, id) {
    for (const [kind, where, a, b] of found) {
        const key = `${kind} ${where}`, one = seen.get(key) || { count: 0, was: a, is: b, id };
        one.count++;
        seen.set(key, one);
    }
}

function show(seen, values, n) {
    for (const [key, one] of [...seen].sort())
        console.log(`${key} ${one.count}: ${JSON.stringify(one.was)} > ${JSON.stringify(one.is)} in ${one.id}`);
    console.log(`compared ${values} values of ${n} resources`);
}

function whole(before, after) {
    const back = new Map(lines(after).map((r) => [r.id, r])), seen = new Map(), all = lines(before);
    for (const was of all) {
        const found = [];
        differences(was, back.get(was.id), was.resourceType, found);
        note(seen, found, was.id);
    }
    show(seen, all.length, all.length);
}

const OWN = 'http://hl7.org/fhir/4.0/StructureDefinition/extension-';
function bared(node) {
    if (Array.isArray(node)) return node.filter((x) => !(x && typeof x.url === 'string' && x.url.startsWith(OWN))).map(bared);
    if (node === null || typeof node !== 'object') return node;
    const kept = Object.entries(node).map(([name, value]) => [name, bared(value)]);
    return Object.fromEntries(kept.filter(([, value]) => !(Array.isArray(value) && !value.length)));
}
const bare = (file) => lines(file).forEach((r) => console.log(JSON.stringify(bared(r))));

function compare(folders, types, before, after) {
    const back = new Map(lines(after).map((r) => [r.id, r])), seen = new Map();
    const profiles = new Map(profilesOf(folders).map((sd) => [sd.id, sd]));
    let n = 0, values = 0;
    for (const was of lines(before)) {
        const sd = profiles.get(was.implicitRules.replace('urn:profile:', '')), is = back.get(was.id);
        const found = [];
        n++;
        if (!is) found.push(['lost', was.resourceType, was.id, undefined]);
        const must = mustSupport(sd);
        for (const p of is ? must.paths : []) {
            const steps = p.split('.').slice(1);
            const a = at(was, steps), b = at(is, steps);
            values += a.length;
            if (sameInOtherOrder(a, b)) found.push(['order', p, undefined, undefined]);
            else for (let i = 0; i < Math.max(a.length, b.length); i++)
                if (a[i] && b[i] && a[i][0] === b[i][0]) differences(a[i][1], b[i][1], p.replace(/[^.]+$/, a[i][0]), found);
                else found.push([!a[i] ? 'new' : !b[i] ? 'lost' : 'changed', p, (a[i] || [])[1], (b[i] || [])[1]]);
        }
        for (const url of is ? must.urls : []) {
            const of = (r) => (r.extension || []).filter((x) => x.url === url);
            values += of(was).length;
            differences(of(was), of(is), `${was.resourceType}.${url.split('/').pop()}`, found);
        }
        note(seen, found, was.id);
    }
    show(seen, values, n);
}

({ make, compare, whole, bare })[command](...args);

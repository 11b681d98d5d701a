// SPDX-License-Identifier: Apache-2.0
// The resources in memory, HL7's search parameters, and the values of both.
'use strict';

const fs = require('fs');
const zlib = require('zlib');
const { convert, compile } = require('./values');

// What US Core adds to R4 (us-core-requirements.md, section 4).
const US_CORE = [
    { code: 'role', base: ['CareTeam'], type: 'token', expression: 'CareTeam.participant.role' },
    { code: 'asserted-date', base: ['Condition'], type: 'date',
        expression: "Condition.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/condition-assertedDate').value" },
    { code: 'discharge-disposition', base: ['Encounter'], type: 'token', expression: 'Encounter.hospitalization.dischargeDisposition' },
    { code: 'description', base: ['Goal'], type: 'token', expression: 'Goal.description' },
];

// Not judged here: special ones, those without values, and those whose definition is corrected
// (docs/search-parameters-uncompiled.md).
const LEFT_OUT = new Set(['_text', '_content', '_query', '_list', '_filter', 'near', 'phonetic', 'deceased', 'age',
    // a scheduledString of HL7's example looks like a date, and the engine does not tell the two apart
    'CarePlan.activity-date', 'fhirversion', 'birthOrderBoolean', 'mothersMaidenName', 'DocumentReference.relationship']);

class Data {
    constructor(ndjson, definitions) {
        this.byType = new Map();
        this.byUrl = new Map();
        for (const line of fs.readFileSync(ndjson, 'utf8').split('\n')) {
            if (!line) continue;
            const resource = JSON.parse(line);
            const entry = { id: resource.id, type: resource.resourceType, resource, values: new Map() };
            if (!this.byType.has(entry.type)) this.byType.set(entry.type, []);
            this.byType.get(entry.type).push(entry);
            this.byUrl.set(`${entry.type}/${entry.id}`, entry);
            if (resource.url) { // what a canonical names, with its version and without
                this.byUrl.set(resource.url, entry);
                if (resource.version) this.byUrl.set(`${resource.url}|${resource.version}`, entry);
            }
        }
        const bundle = JSON.parse(zlib.gunzipSync(fs.readFileSync(`${definitions}/search-parameters.json.gz`)));
        const all = bundle.entry.map((e) => e.resource).concat(US_CORE);
        this.byDefinition = new Map(all.map((p) => [p.url, p]));
        this.params = new Map();
        for (const type of this.byType.keys()) this.params.set(type, new Map());
        for (const p of all) this.addParam(p);
    }

    // What a reference of an entry leads to: another entry, or what it has in itself, which is as old.
    resolve(entry, url) {
        if (!(url || '').startsWith('#')) return this.byUrl.get(url);
        entry.inside = entry.inside || new Map();
        if (!entry.inside.has(url)) {
            const found = (entry.resource.contained || []).find((c) => `#${c.id}` === url);
            const meta = found && { ...found.meta, lastUpdated: entry.resource.meta.lastUpdated };
            entry.inside.set(url, found && { id: found.id, type: found.resourceType, resource: { ...found, meta }, values: new Map() });
        }
        return entry.inside.get(url);
    }

    addParam(p) {
        if (LEFT_OUT.has(p.code) || !p.expression || p.type === 'special') return;
        for (const [type, params] of this.params) {
            if (!p.base.some((b) => b === type || b === 'Resource' || (b === 'DomainResource'))) continue;
            if (LEFT_OUT.has(`${type}.${p.code}`)) continue;
            params.set(p.code, { name: p.code, type, kind: p.type, expression: p.expression,
                target: p.target || [], component: p.component });
        }
    }

    // Values of one resource for a parameter: an array, or null when they cannot be judged.
    values(entry, param) {
        if (!entry.values.has(param.name)) entry.values.set(param.name, this.evaluate(entry, param));
        return entry.values.get(param.name);
    }

    evaluate(entry, param) {
        try {
            param.compiled = param.compiled || compile(param.expression);
            const raw = param.compiled(entry.resource);
            if (param.kind === 'composite') return raw.map((context) => this.components(context, param));
            return convert(param.kind, raw);
        } catch (error) {
            param.broken = String(error);
            return null;
        }
    }

    // One repetition of a composite: for each component its parameter type and values.
    components(context, param) {
        return param.component.map((component) => {
            const definition = this.byDefinition.get(component.definition);
            const base = param.expression.includes('.component') ? `${param.type}.component` : param.type;
            component.compiled = component.compiled || new Map();
            if (!component.compiled.has(base)) component.compiled.set(base, compile(component.expression, base));
            const values = convert(definition.type, component.compiled.get(base)(context));
            return { kind: definition.type, values, target: definition.target || [] };
        });
    }
}

module.exports = { Data };

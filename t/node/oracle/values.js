// SPDX-License-Identifier: Apache-2.0
// Search values of resources, by HL7's definitions and the reference FHIRPath engine, and how one
// value meets one criterion. Written from http://hl7.org/fhir/R4/search.html; shares nothing with
// the server. Plain and slow on purpose.
'use strict';

const fhirpath = require('fhirpath');
const r4 = require('fhirpath/fhir-context/r4');

// ---- text ----

const LETTERS = { 'ß': 'ss', 'æ': 'ae', 'œ': 'oe', 'ø': 'o', 'ł': 'l', 'đ': 'd', 'ð': 'd', 'þ': 'th', 'ı': 'i' };

// Apostrophes and the dots of initials are nothing, other punctuation is a blank; dots stay in numbers.
function words(text) {
    return text.replace(/['`\u02bb-\u02bd\u2018\u2019\u201b\u2032]/g, '')
        .replace(/(^|[^\p{L}\p{N}])(\p{L})\.(?:(\p{L})\.)*/gu, (all) => all.replace(/(\p{L})\./gu, '$1'))
        .replace(/(?<!\d)\.|\.(?!\d)/g, ' ')
        .replace(/[!"#%&()*,\-/:;?@[\\\]_{}\u00a1\u00ab\u00b7\u00bb\u00bf\u2010-\u2027\u3001-\u3003\u3008-\u3011\u30fb]/g, ' ')
        .replace(/\s+/g, ' ').trim();
}

function fold(text) {
    return words(folded(text)) || folded(text);
}

function folded(text) {
    return text.toLowerCase().normalize('NFD').replace(/[\u0300-\u036f]/g, '')
        .replace(/[ßæœøłđðþı]/g, (c) => LETTERS[c]).normalize('NFC').replace(/\s+/g, ' ').trim();
}

// ---- decimals, exact ----

// "1.50e2" as { n, scale }: n / 10^scale
function decimal(text) {
    const m = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
    if (!m) return null;
    const fraction = m[3] || '';
    let n = BigInt(m[2] + fraction);
    let scale = fraction.length - Number(m[4] || 0);
    if (m[1]) n = -n;
    if (scale < 0) { n *= 10n ** BigInt(-scale); scale = 0; }
    return { n, scale, places: fraction.length - Number(m[4] || 0) };
}

function compare(a, b) {
    const scale = Math.max(a.scale, b.scale);
    const x = a.n * 10n ** BigInt(scale - a.scale), y = b.n * 10n ** BigInt(scale - b.scale);
    return x < y ? -1 : x > y ? 1 : 0;
}

// Half a unit of the last digit written, below and above.
function bounds(d) {
    const half = d.places >= 0 ? { n: 5n, scale: d.places + 1 } :
        { n: 5n * 10n ** BigInt(-d.places - 1), scale: 0 };
    const scale = Math.max(d.scale, half.scale);
    const n = d.n * 10n ** BigInt(scale - d.scale), h = half.n * 10n ** BigInt(scale - half.scale);
    return [{ n: n - h, scale }, { n: n + h, scale }];
}

// ---- dates: intervals of microseconds, half open ----

function interval(text) {
    const m = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/.exec(text);
    if (!m) return null;
    const [, y, mo, d, h, mi, s, fraction, zone] = m;
    const at = (yy, mm, dd) => { const t = new Date(0); t.setUTCFullYear(yy, mm, dd); return t.getTime() * 1000; };
    if (!mo) return [at(+y, 0, 1), at(+y + 1, 0, 1)];
    if (!d) return [at(+y, mo - 1, 1), at(+y, +mo, 1)];
    if (!h) return [at(+y, mo - 1, +d), at(+y, mo - 1, +d + 1)];
    let low = at(+y, mo - 1, +d) + ((+h * 60 + +mi) * 60 + +(s || 0)) * 1e6;
    if (zone && zone !== 'Z')
        low -= (zone[0] === '-' ? -1 : 1) * (zone.slice(1, 3) * 60 + +zone.slice(4)) * 60e6;
    if (!s) return [low, low + 60e6];
    if (!fraction) return [low, low + 1e6];
    const unit = Math.max(1, Math.round(10 ** (6 - fraction.length)));
    low += Number((fraction + '000000').slice(0, 6));
    return [low, low + unit];
}

function dateValue(v) {
    if (typeof v === 'string') return [interval(v)].filter(Boolean);
    if (v.event || v.repeat) {
        const all = (v.event || []).map(interval).filter(Boolean);
        if (all.length) return [[Math.min(...all.map((i) => i[0])), Math.max(...all.map((i) => i[1]))]];
        return v.repeat && v.repeat.boundsPeriod ? dateValue(v.repeat.boundsPeriod) : [];
    }
    if (v.start === undefined && v.end === undefined) return [];
    const start = v.start ? interval(v.start) : [-Infinity], end = v.end ? interval(v.end) : [0, Infinity];
    return start && end ? [[start[0], end[1]]] : [];
}

// ---- values by parameter type ----

const HUMAN_NAME = ['text', 'family', 'given', 'prefix', 'suffix'];
const ADDRESS = ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'];

function typeOf(v) {
    return (fhirpath.types(v)[0] || '').replace(/^FHIR\./, '');
}

function tokens(v) {
    if (typeof v !== 'object') return [{ code: String(v), primitive: true }];
    switch (typeOf(v)) {
    case 'CodeableConcept': return (v.coding || []).map((c) => ({ system: c.system, code: c.code }));
    case 'Coding': return [{ system: v.system, code: v.code }];
    case 'Identifier': return [{ system: v.system, code: v.value, type: v.type }];
    case 'ContactPoint': return [{ code: v.value, anySystem: true }];
    default: return null;
    }
}

function strings(v) {
    if (typeof v === 'string') return [v];
    const members = { HumanName: HUMAN_NAME, Address: ADDRESS }[typeOf(v)];
    if (!members) return null;
    return members.flatMap((m) => v[m] === undefined ? [] : v[m]).filter((s) => typeof s === 'string');
}

const point = (n) => ({ low: decimal(String(n)), high: decimal(String(n)) });

function quantities(v) {
    if (typeof v === 'number') return [point(v)];
    switch (typeOf(v)) {
    case 'Money': return v.value === undefined ? [] : [{ ...point(v.value), system: 'urn:iso:std:iso:4217', code: v.currency }];
    case 'Range': {
        const one = v.low || v.high || {};
        return v.low || v.high ? [{ low: v.low && decimal(String(v.low.value)), high: v.high && decimal(String(v.high.value)),
            system: one.system, code: one.code, unit: one.unit }] : [];
    }
    case 'Quantity': case 'Age': case 'Duration': case 'Distance': case 'Count':
        return v.value === undefined ? [] : [{ ...point(v.value), system: v.system, code: v.code, unit: v.unit }];
    default: return null;
    }
}

function references(v) {
    if (typeof v === 'string') return [{ url: v }];
    if (typeOf(v) !== 'Reference') return null;
    const url = v.reference && v.reference.replace(/\/_history\/[^/]*$/, '');
    return url || v.identifier ? [{ url, identifier: v.identifier }] : [];
}

const CONVERT = { token: tokens, string: strings, date: dateValue, number: quantities, quantity: quantities,
    reference: references, uri: (v) => typeof v === 'string' ? [v] : null };

// null: a type of value that this oracle does not judge
function convert(kind, raw) {
    const out = [];
    for (const v of raw) {
        const values = CONVERT[kind](v);
        if (!values) return null;
        out.push(...values);
    }
    // a Coding with nothing but a display: nothing to search for
    return kind === 'token' ? out.filter((t) => t.code !== undefined || t.system !== undefined) : out;
}

// The engine cannot resolve references here: their text names the type.
function resolvable(expression) {
    return expression.replace(/where\(resolve\(\) is (\w+)\)/g,
        "where(reference.startsWith('$1/') or reference.contains('/$1/') or type = '$1')");
}

function compile(expression, base) {
    const text = resolvable(expression);
    return fhirpath.compile(base ? { base, expression: text } : text, r4);
}

module.exports = { fold, folded, words, decimal, compare, bounds, interval, convert, compile, typeOf };

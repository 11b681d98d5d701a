// SPDX-License-Identifier: Apache-2.0
// Random searches that the data can answer: criteria taken from values that are there, sometimes
// changed a little, in all forms of the search language; and their truth for one resource.
'use strict';

const { holds, meets } = require('./match');

const PREFIXES = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb'];
const escape = (text) => String(text).replace(/[\\,|$]/g, '\\$&');

// A small generator with a seed, so that a difference can be seen again (mulberry32's recurrence).
function generator(seed) {
    let a = seed >>> 0;
    return () => {
        a = (a + 0x6d2b79f5) >>> 0;
        let t = Math.imul(a ^ (a >>> 15), a | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

class Queries {
    constructor(data, seed, base) {
        this.data = data;
        this.random = generator(seed);
        this.base = base;
        this.types = [...data.byType.keys()].sort();
    }

    pick(list) { return list[Math.floor(this.random() * list.length)]; }
    chance(p) { return this.random() < p; }

    // ---- one value as a criterion and as text ----

    token(t) {
        if (t.code === undefined) return null;
        if (t.primitive || t.anySystem || this.chance(0.35)) return { code: t.code, text: escape(t.code) };
        if (!t.system) return { system: '', code: t.code, text: `|${escape(t.code)}` };
        if (this.chance(0.15)) return { system: t.system, text: `${escape(t.system)}|` };
        if (this.chance(0.05)) { // what the server's own short forms look like is no form of anything
            const system = `~${this.pick([...'lsotK~'])}`;
            return this.chance(0.5) ? { system, code: t.code, text: `${system}|${escape(t.code)}` } :
                { code: `${system}|${t.code}`, text: `${system}\\|${escape(t.code)}` };
        }
        return { system: t.system, code: t.code, text: `${escape(t.system)}|${escape(t.code)}` };
    }

    string(t) {
        const cut = this.chance(0.5) ? t : [...t].slice(0, 1 + Math.floor(this.random() * 6)).join('');
        const text = this.chance(0.3) ? cut.toUpperCase() : cut;
        return text.trim() ? { text: text.trim(), escaped: escape(text.trim()) } : null;
    }

    date(t) {
        const at = t[0] === -Infinity || (t[1] !== Infinity && this.chance(0.3)) ? t[1] : t[0];
        const shift = this.chance(0.6) ? 0 : Math.round((this.random() - 0.5) * 4e12);
        const when = new Date((at + shift) / 1000);
        if (isNaN(when) || when.getUTCFullYear() < 1000 || when.getUTCFullYear() > 2200) return null;
        const iso = when.toISOString();
        const text = this.pick([iso.slice(0, 4), iso.slice(0, 7), iso.slice(0, 10), `${iso.slice(0, 16)}Z`, `${iso.slice(0, 19)}Z`, iso,
            `${iso.slice(0, 19)}-05:00`, iso.slice(0, 19)]);
        const prefix = this.pick(PREFIXES);
        return { prefix, text, written: (prefix === 'eq' && this.chance(0.5) ? '' : prefix) + text };
    }

    amount(t) {
        const d = t.low || t.high;
        let digits = d.n.toString().replace('-', '').padStart(d.scale + 1, '0');
        let text = (d.n < 0n ? '-' : '') + (d.scale ? `${digits.slice(0, -d.scale)}.${digits.slice(-d.scale)}` : digits);
        if (this.chance(0.3)) text = String(Math.round(Number(text)));
        else if (this.chance(0.2)) text += text.includes('.') ? '0' : '.0';
        const prefix = this.pick(PREFIXES);
        return { prefix, number: text, text: (prefix === 'eq' && this.chance(0.5) ? '' : prefix) + text };
    }

    quantity(t) {
        const c = this.amount(t);
        if (this.chance(0.4) || !(t.code || t.unit)) return c;
        if (t.system && t.code && this.chance(0.6))
            return { ...c, system: t.system, code: t.code, text: `${c.text}|${escape(t.system)}|${escape(t.code)}` };
        const code = t.code || t.unit;
        return { ...c, code, text: `${c.text}||${escape(code)}` };
    }

    reference(t, param) {
        const m = /^([A-Z]\w+)\/([A-Za-z0-9.-]+)$/.exec(t.url || '');
        if (!m) return t.url ? { url: t.url, text: escape(t.url) } : null;
        if (!param.target.includes(m[1])) return null; // HL7's example breaks its own model
        if (param.target.includes(m[1]) && this.chance(0.4)) return { id: m[2], text: m[2] };
        return { type: m[1], id: m[2], text: this.chance(0.2) ? `${this.base}/${m[1]}/${m[2]}` : `${m[1]}/${m[2]}` };
    }

    // A URI as a stem or a leaf: cut at a slash, a bar or anywhere, or with more behind.
    stem(t, modifier) {
        const slashes = [...t.matchAll(/[/|]/g)].map((m) => m.index);
        let text = t;
        if (modifier === 'above') text = this.chance(0.5) ? t + this.pick(['/x', '/', 'x', '/x/y', '|1', '|1.2', '.3']) : t;
        else if (slashes.length && this.chance(0.6)) text = t.slice(0, this.pick(slashes) + this.pick([0, 1]));
        else if (this.chance(0.3)) text = t.slice(0, 1 + Math.floor(this.random() * t.length));
        return { text, shown: escape(text) };
    }

    one(kind, t, param) {
        switch (kind) {
        case 'token': return this.token(t);
        case 'string': { const c = this.string(t); return c && { text: c.text, shown: c.escaped }; }
        case 'date': { const c = this.date(t); return c && { ...c, shown: c.written }; }
        case 'number': return this.amount(t);
        case 'quantity': return this.quantity(t);
        case 'uri': return { text: t, shown: escape(t) };
        case 'reference': return this.reference(t, param);
        default: return null;
        }
    }

    // ---- a criterion on a parameter ----

    sample(type, param) {
        const entries = this.data.byType.get(type);
        for (let i = 0; i < 12; i++) {
            const values = this.data.values(this.pick(entries), param);
            if (!values) return null;
            if (values.length) return this.pick(values);
        }
        return null;
    }

    composite(type, param) {
        const repetition = this.sample(type, param);
        if (!repetition || repetition.some((c) => !c.values || !c.values.length)) return null;
        const parts = repetition.map((c) => ({ kind: c.kind, value: this.one(c.kind, this.pick(c.values), { target: c.target }) }));
        if (parts.some((p) => !p.value)) return null;
        return { kind: 'composite', values: [parts], text: parts.map((p) => p.value.shown || p.value.text).join('$') };
    }

    criterion(type, param) {
        if (this.chance(0.05) && param.kind !== 'composite')
            return { param, kind: param.kind, modifier: 'missing', values: [{ text: this.pick(['true', 'false']) }] };
        if (param.kind === 'composite') {
            const c = this.composite(type, param);
            return c && { param, ...c };
        }
        const count = this.chance(0.25) ? 2 + Math.floor(this.random() * 3) : 1;
        const values = [];
        let modifier;
        if (param.kind === 'string') modifier = this.pick([undefined, undefined, 'exact', 'contains']);
        if (param.kind === 'token' && this.chance(0.12)) modifier = 'not';
        if (param.kind === 'uri') modifier = this.pick([undefined, undefined, 'below', 'below', 'above']);
        for (let i = 0; i < count; i++) {
            const t = this.sample(type, param);
            if (!t) break;
            if (param.kind === 'reference' && t.identifier && t.identifier.value && (!t.url || modifier === 'identifier')) {
                if (i && modifier !== 'identifier') break;
                modifier = 'identifier';
                const v = this.token({ system: t.identifier.system, code: t.identifier.value });
                if (v) values.push(v);
                continue;
            }
            if (modifier === 'identifier') break;
            const v = modifier === 'exact' ? { text: t, shown: escape(t) } :
                param.kind === 'uri' ? this.stem(t, modifier) : this.one(param.kind, t, param);
            if (v) values.push(v);
        }
        return values.length ? { param, kind: param.kind, modifier, values } : null;
    }

    // ---- a whole query ----

    chain(type) {
        const params = [...this.data.params.get(type).values()].filter((p) => p.kind === 'reference');
        if (!params.length) return null;
        const param = this.pick(params);
        const t = this.sample(type, param);
        const target = t && this.targetOf(type, t.url || '');
        if (!target || !this.data.byType.has(target) || !param.target.includes(target)) return null;
        const inner = this.direct(target);
        return inner && { chain: param, target, inner };
    }

    // The type that a reference names, or that of what some resource has in itself by that name.
    targetOf(type, url) {
        if (!url.startsWith('#')) return (/^([A-Z]\w+)\//.exec(url) || [])[1];
        const inside = this.data.byType.get(type).map((e) => this.data.resolve(e, url)).find((e) => e);
        return inside && inside.type;
    }

    has(type) {
        const source = this.pick(this.types);
        const params = [...this.data.params.get(source).values()].filter((p) => p.kind === 'reference' && p.target.includes(type));
        if (!params.length) return null;
        const param = this.pick(params);
        const t = this.sample(source, param);
        if (!t || !(t.url || '').startsWith(`${type}/`)) return null;
        const inner = this.direct(source);
        return inner && { has: param, source, inner };
    }

    direct(type) {
        const param = this.pick([...this.data.params.get(type).values()]);
        return param ? this.criterion(type, param) : null;
    }

    next() {
        for (;;) {
            const type = this.pick(this.types);
            const criteria = [];
            const n = this.chance(0.35) ? 2 : 1;
            for (let i = 0; i < n; i++) {
                const c = this.chance(0.1) ? this.chain(type) : this.chance(0.07) ? this.has(type) : this.direct(type);
                if (c) criteria.push(c);
            }
            if (criteria.length) return { type, criteria, text: criteria.map((c) => this.text(c)).join('&') };
        }
    }

    text(c) {
        if (c.chain) return `${c.chain.name}:${c.target}.${this.text(c.inner)}`;
        if (c.has) return `_has:${c.source}:${c.has.name}:${this.text(c.inner)}`;
        const values = c.text !== undefined ? c.text : c.values.map((v) => v.shown || v.text).join(',');
        return `${c.param.name}${c.modifier ? `:${c.modifier}` : ''}=${encodeURIComponent(values)}`;
    }

    // ---- the truth ----

    // 1, 0, or null when it cannot be told
    truth(entry, c) {
        if (c.chain) {
            const refs = this.data.values(entry, c.chain);
            // the engine cannot tell of what type something inside is (values.js)
            if (!refs || (entry.resource.contained && c.chain.expression.includes('resolve()'))) return null;
            return this.any(refs.map((r) => this.data.resolve(entry, r.url)).filter((e) => e && e.type === c.target), c.inner);
        }
        if (c.has) {
            const me = `${entry.type}/${entry.id}`;
            const sources = this.data.byType.get(c.source).filter((e) => (this.data.values(e, c.has) || []).some((r) => r.url === me));
            return this.any(sources, c.inner);
        }
        const values = this.data.values(entry, c.param);
        if (!values) return null;
        if (c.kind !== 'composite' || c.modifier) return holds(c, values, c.param);
        const parts = c.values[0];
        if (values.some((repetition) => repetition.some((x) => !x.values))) return null;
        return values.some((repetition) => parts.every((p, i) => repetition[i].values.some((t) => meets[p.kind](p.value, t, repetition[i].target))));
    }

    any(entries, criterion) {
        let unknown = false;
        for (const e of entries) {
            const t = this.truth(e, criterion);
            if (t) return true;
            if (t === null) unknown = true;
        }
        return unknown ? null : false;
    }

    // ids that match, or null
    answer(query) {
        const ids = [];
        for (const entry of this.data.byType.get(query.type)) {
            let all = true;
            for (const c of query.criteria) {
                const t = this.truth(entry, c);
                if (t === null) return null;
                if (!t) { all = false; break; }
            }
            if (all) ids.push(entry.id);
        }
        return ids.sort();
    }
}

module.exports = { Queries };

// SPDX-License-Identifier: Apache-2.0
// Whether a resource meets a search criterion, by values (values.js). Criteria are structures, not
// URL text: { kind, modifier, values: [ { prefix, … } ] }; any of the values must be met.
'use strict';

const { fold, folded, words, decimal, compare, bounds, interval } = require('./values');

const datePrefix = {
    eq: (s, t) => s[0] <= t[0] && t[1] <= s[1],
    ne: (s, t) => !datePrefix.eq(s, t),
    gt: (s, t) => t[1] > s[1],
    lt: (s, t) => t[0] < s[0],
    ge: (s, t) => t[1] > s[1] || datePrefix.eq(s, t),
    le: (s, t) => t[0] < s[0] || datePrefix.eq(s, t),
    sa: (s, t) => t[0] >= s[1],
    eb: (s, t) => t[1] <= s[0],
};

// A missing end of a Range is open.
const below = (a, b, open) => a ? compare(a, b) < 0 : open;
const above = (a, b, open) => a ? compare(a, b) > 0 : open;
const numberPrefix = {
    eq: (s, t) => { const [l, h] = bounds(s); return !below(t.low, l, true) && below(t.high, h, false); },
    ne: (s, t) => !numberPrefix.eq(s, t),
    gt: (s, t) => above(t.high, s, true),
    lt: (s, t) => below(t.low, s, true),
    ge: (s, t) => !below(t.high, s, false),
    le: (s, t) => !above(t.low, s, false),
    sa: (s, t) => above(t.low, s, false),
    eb: (s, t) => below(t.high, s, false),
};

function tokenMeets(c, t) {
    if (c.system === undefined) return t.code === c.code;
    if (c.system === '') return t.code === c.code && !t.system;
    return t.system === c.system && (c.code === undefined || t.code === c.code);
}

function quantityMeets(c, t) {
    if (!numberPrefix[c.prefix](decimal(c.number), t)) return false;
    if (c.code === undefined) return true;
    return c.system ? t.system === c.system && t.code === c.code : t.code === c.code || t.unit === c.code;
}

function referenceMeets(c, t, targets) {
    if (!t.url) return false;
    if (c.url) return t.url === c.url;
    if (c.type) return t.url === `${c.type}/${c.id}`;
    return targets.some((type) => t.url === `${type}/${c.id}`);
}

// Punctuation alone is looked for in what is written.
function isIn(c, t, before) {
    const form = words(folded(c.text)) ? fold : folded;
    return form(c.text) !== '' && ` ${form(t)}`.includes(before + form(c.text));
}

const meets = {
    token: tokenMeets,
    date: (c, t) => datePrefix[c.prefix](interval(c.text), t),
    number: (c, t) => numberPrefix[c.prefix](decimal(c.number), t),
    quantity: quantityMeets,
    uri: (c, t) => t === c.text,
    reference: referenceMeets,
    string: (c, t) => isIn(c, t, ' '),
};

// What may stand behind a URL in those below it: a segment, the version; behind a version its next part.
const behind = (url) => url.includes('|') ? ['.'] : url.endsWith('/') ? [''] : ['/', '|'];
const isBelow = (url, stem) => url === stem || behind(stem).some((x) => url.startsWith(stem + x));

const modified = {
    exact: (c, t) => t === c.text,
    contains: (c, t) => isIn(c, t, ''),
    below: (c, t) => isBelow(t, c.text),
    above: (c, t) => isBelow(c.text, t) && (t.includes('://') || !c.text.slice(t.length).startsWith('/')),
    identifier: (c, t) => !!t.identifier && tokenMeets(c, { system: t.identifier.system, code: t.identifier.value }),
    'of-type': (c, t) => t.code === c.value && ((t.type && t.type.coding) || []).some((x) => x.system === c.system && x.code === c.code),
};

// values: those of the resource for the parameter
function holds(criterion, values, param) {
    const { kind, modifier } = criterion;
    if (modifier === 'missing') return (values.length === 0) === (criterion.values[0].text === 'true');
    const test = modified[modifier] || meets[kind];
    const any = criterion.values.some((c) => values.some((t) => test(c, t, param.target)));
    return modifier === 'not' ? !any : any;
}

module.exports = { holds, meets };

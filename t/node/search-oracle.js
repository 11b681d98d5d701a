// SPDX-License-Identifier: Apache-2.0
// Compares the server's searches with a plain evaluator over all resources in memory:
//   search-oracle.js BASE_URL RESOURCES.ndjson DEFINITIONS SEED COUNT
// Prints each difference and a summary line; exit status 1 when there was one.
'use strict';

const http = require('http');
const { Data } = require('./oracle/data');
const { Queries } = require('./oracle/queries');

const [base, resources, definitions, seed, count] = process.argv.slice(2);
const AT_ONCE = 8;
const SHOWN = 15;
const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });

// httpd may close an idle connection in the moment that it is used again, and all of them while this
// program computes: asked once more, on a new connection.
function get(url) {
    return once(url, agent).catch((error) => {
        if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') throw error;
        return once(url, false);
    });
}

function once(url, agent) {
    return new Promise((resolve, reject) => {
        http.get(url, { agent, headers: { Accept: 'application/fhir+json' } }, (response) => {
            const parts = [];
            response.on('data', (part) => parts.push(part));
            response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(parts).toString() }));
        }).on('error', reject);
    });
}

async function served(query) {
    const ids = [];
    let url = `${base}/${query.type}?${query.text}&_count=1000&_elements=id`;
    while (url) {
        const { status, text } = await get(url);
        if (status !== 200) return { error: `${status} ${text.slice(0, 300)}` };
        const bundle = JSON.parse(text);
        for (const e of bundle.entry || []) ids.push(e.resource.id);
        const next = (bundle.link || []).find((l) => l.relation === 'next');
        url = next && next.url;
    }
    return { ids: ids.sort() };
}

function difference(query, wanted, got) {
    if (got.error) return got.error;
    const missing = wanted.filter((id) => !got.ids.includes(id)), more = got.ids.filter((id) => !wanted.includes(id));
    if (!missing.length && !more.length && wanted.length === got.ids.length) return null;
    return `missing ${missing.length}: ${missing.slice(0, 3)}; too many ${more.length}: ${more.slice(0, 3)}`;
}

async function main() {
    const data = new Data(resources, definitions);
    const queries = new Queries(data, Number(seed), base);
    const stats = { asked: 0, hits: 0, different: 0, unjudged: 0 };
    const worker = async () => {
        while (stats.asked < Number(count)) {
            const query = queries.next();
            const wanted = queries.answer(query);
            if (!wanted) { stats.unjudged++; continue; }
            stats.asked++;
            if (wanted.length) stats.hits++;
            const what = difference(query, wanted, await served(query));
            if (!what) continue;
            if (stats.different++ < SHOWN) console.log(`${query.type}?${decodeURIComponent(query.text)}\n    ${what}`);
        }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    agent.destroy();
    console.log(`asked ${stats.asked}, with hits ${stats.hits}, different ${stats.different}, left out ${stats.unjudged}`);
    process.exitCode = stats.different ? 1 : 0;
}

main().catch((error) => { console.error(error); process.exitCode = 2; });

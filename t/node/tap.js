// SPDX-License-Identifier: Apache-2.0
// Results of tests as TAP.
let n = 0, failed = 0;
const ok = (held, name, more = '') => {
  console.log(`${held ? 'ok' : 'not ok'} ${++n} - ${name}`);
  if (!held) { failed++; console.log(`# ${more}`.replace(/\n/g, '\n# ')); }
};
const end = () => { console.log(`1..${n}`); process.exit(failed ? 1 : 0); };
const broke = e => { ok(false, 'it ran to its end', String(e.stack)); end(); };

module.exports = { ok, end, broke };

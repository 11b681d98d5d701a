#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes mod_fhir/core/fhir_text_fold_table.h: how a character is folded for string search.

Source: Python's unicodedata (Unicode Character Database). Run by a developer, result committed:
    tools/foldgen.py > mod_fhir/core/fhir_text_fold_table.h

A character becomes its compatibility decomposition, without marks, case folded. Letters that
Unicode does not decompose (ø, ł, đ, æ, þ, ı, …) become the plain letters that their name gives.
"""
import re
import sys
import unicodedata as ud

RANGES = [
    (0x0080, 0x0530),  # Latin, IPA, combining marks, Greek, Cyrillic
    (0x1680, 0x1681), (0x1AB0, 0x1B00), (0x1C80, 0x1C90), (0x1D00, 0x2070), (0x20D0, 0x2100),
    (0x212A, 0x212C), (0x2C60, 0x2C80), (0x2DE0, 0x2E00), (0x3000, 0x3001), (0xA640, 0xA6A0),
    (0xA720, 0xA800), (0xAB30, 0xAB70), (0xFB00, 0xFB07), (0xFE20, 0xFE30), (0xFEFF, 0xFF00),
    (0xFF01, 0xFF5F),
]
BY_HAND = {
    'æ': 'ae', 'œ': 'oe', 'ß': 'ss', 'þ': 'th', 'ð': 'd', 'ı': 'i', 'ȷ': 'j', 'ŋ': 'n', 'ĸ': 'k',
    'ƒ': 'f', 'ə': 'e',
}
INVISIBLE = {0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF}
SPACES = {0x0085, 0x2028, 0x2029}
LETTER = re.compile(r'LATIN SMALL LETTER ([A-Z])(?: WITH .*)?$')


def plain(c):
    """A letter that does not decompose, by its name."""
    if c in BY_HAND:
        return BY_HAND[c]
    m = LETTER.match(ud.name(c, ''))
    return m.group(1).lower() if m else c


def strip(s):
    return ''.join(c for c in ud.normalize('NFKD', s) if ud.category(c) not in ('Mn', 'Me'))


def fold(cp):
    c = chr(cp)
    if cp in INVISIBLE:
        return ''
    if cp in SPACES or ud.category(c) in ('Zs', 'Cc'):
        return ' '
    if ud.category(c) == 'Cn':
        return c
    if ud.category(c) in ('Mn', 'Me'):
        return ''
    if ud.category(c)[0] not in 'LN' and not 0xFF00 < cp < 0xFF5F:
        return c
    out = ''.join(plain(x) for x in strip(strip(c).casefold()))
    # Fractions, spacing accents and the like are no letters with accents.
    return c if cp < 0xFF00 and any(not x.isalnum() for x in out) else out


def main():
    table, outs = {}, {}
    blob = bytearray(b'\0')  # offset 0: unchanged
    for first, last in RANGES:
        for cp in range(first, last):
            out = fold(cp)
            if out == chr(cp):
                continue
            data = out.encode()
            # fhir_text_fold reserves one and a half times the input.
            assert 2 * len(data) <= 3 * len(chr(cp).encode()), hex(cp)
            if data not in outs:
                outs[data] = len(blob)
                blob += bytes([len(data)]) + data
            table[cp] = outs[data]
    assert len(blob) < 0x10000
    blocks, index = [[0] * 64], []
    for b in range(0x10000 // 64):
        block = [table.get(b * 64 + i, 0) for i in range(64)]
        if block not in blocks:
            blocks.append(block)
        index.append(blocks.index(block))
    assert len(blocks) < 256

    def rows(values, width):
        for i in range(0, len(values), width):
            print('    ' + ', '.join(map(str, values[i:i + width])) + ',')

    print('/* SPDX-License-Identifier: Apache-2.0 */')
    print('/* Written by tools/foldgen.py from Unicode %s; do not edit. */' % ud.unidata_version)
    print('/* clang-format off */')
    print('/* Block of 64 characters → row of fold_rows. */')
    print('static const unsigned char fold_blocks[%d] = {' % len(index))
    rows(index, 32)
    print('};\n/* Offset in fold_texts, 0: unchanged. */')
    print('static const unsigned short fold_rows[%d][64] = {' % len(blocks))
    for block in blocks:
        print('    {')
        rows(block, 16)
        print('    },')
    print('};\n/* Length byte, then UTF-8. */')
    print('static const unsigned char fold_texts[%d] = {' % len(blob))
    rows(list(blob), 24)
    print('};')


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which R4 element HL7's structure maps make which DSTU2 element: the facts that t/dstu2-maps.t holds
the conversion's table against.

    tools/fmlfacts.py INPUT TYPE... > t/dstu2-maps.tsv

INPUT is the folder input of github.com/HL7/fhir-cross-version; its maps of both ways are read. A map is read as far as
it says "this element goes to that one"; conditions and transformations are not looked at. Both steps are composed.
TYPE: R4's types whose facts are wanted.
"""
import glob
import os
import re
import sys

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|//[^\n]*|->|<<[^>]*>>|[A-Za-z_$][\w$]*|\d+|\S', re.S)


def tokens(text):
    return [t for t in TOKEN.findall(text) if not t.startswith('//')]


class Groups:
    """The groups of all maps of a folder."""

    def __init__(self, folder):
        self.groups, self.roots = {}, []
        for name in sorted(glob.glob(os.path.join(folder, '*.fml'))):
            with open(name, encoding='utf-8') as f:
                self.read(name, f.read())

    def read(self, name, text):
        alias = {}
        for url, short in re.findall(r'^uses\s+"([^"]+)"\s+alias\s+(\w+)', text, re.M):
            alias[short] = url.rsplit('/', 1)[1]
        t, at = tokens(text), 0
        while at < len(t):
            if t[at] != 'group':
                at += 1
                continue
            group, at = t[at + 1], at + 2
            start = at
            while t[at] != '{':
                at += 1
            head = t[start:at]
            params = re.findall(r'(source|target) (\w+)(?: : (\w+))?', ' '.join(head))
            body, at = self.block(t, at)
            self.groups[name, group] = (params, body)
            if any(h.startswith('<<') for h in head) and len(params) == 2:
                self.roots.append((name, group, [alias.get(p[2], p[2]) for p in params]))

    def block(self, t, at):
        """The rules between braces: lists of tokens and blocks."""
        rules, rule, at = [], [], at + 1
        while t[at] != '}':
            if t[at] == '{':
                inner, at = self.block(t, at)
                rule.append(inner)
                continue
            if t[at] == ';':
                rules.append(rule)
                rule = []
            else:
                rule.append(t[at])
            at += 1
        if rule:
            rules.append(rule)
        return rules, at + 1

    def facts(self):
        found = set()
        for name, group, (source, target) in self.roots:
            params, _ = self.groups[name, group]
            self.run(found, name, group, {params[0][1]: source, params[1][1]: target}, 0)
        return found

    def run(self, found, name, group, env, depth):
        self.rules(found, name, self.groups[name, group][1], env, depth)

    @staticmethod
    def paths(part, env):
        """The elements named in a part of a rule, and the variables they are given to."""
        at, last, names = 0, None, []
        while at < len(part):
            tok = part[at]
            if isinstance(tok, str) and tok in ('where', 'check', 'log', 'default'):
                level, at = 0, at + 1
                while at < len(part) and isinstance(part[at], str) and (level or part[at] not in ('as', ',')):
                    level += {'(': 1, ')': -1}.get(part[at], 0)
                    at += 1
                continue
            if at + 2 < len(part) and part[at + 1] == '.' and isinstance(tok, str) and tok in env:
                last = env[tok] + '.' + part[at + 2]
                names.append(last)
                at += 3
                continue
            if isinstance(tok, str) and tok in env and at == 0:
                last = env[tok]
            if tok == 'as' and at + 1 < len(part) and last:
                env[part[at + 1]] = last
                at += 1
            if tok == '=':    # what it is set to: up to the next target
                level, at = 0, at + 1
                while at < len(part) and (level or part[at] not in (',', 'as')):
                    level += {'(': 1, ')': -1}.get(part[at], 0) if isinstance(part[at], str) else 0
                    at += 1
                continue
            at += 1
        return names

    def rules(self, found, name, rules, env, depth):
        for rule in rules:
            env_here, then = dict(env), []
            level = 0
            for i, tok in enumerate(rule):
                if tok == 'then':
                    rule, then = rule[:i], rule[i + 1:]
                    break
            arrow = rule.index('->') if '->' in rule else len(rule)
            sources = self.paths(rule[:arrow], env_here)
            targets = self.paths(rule[arrow + 1:], env_here)
            for s in sources:
                for t in targets:
                    found.add((s, t))
            if depth > 8:
                continue
            for part in then:
                if isinstance(part, list):
                    self.rules(found, name, part, env_here, depth + 1)
            call = ' '.join(p for p in then if isinstance(p, str))
            for group, arguments in re.findall(r'(\w+) \( ([^()]*) \)', call):
                values = [env_here.get(a.strip()) for a in arguments.split(',')]
                if (name, group) in self.groups and all(values):
                    params = [p[1] for p in self.groups[name, group][0]]
                    self.run(found, name, group, dict(zip(params, values)), depth + 1)
                elif len(values) == 2 and all(values) and values[0].count('.') and values[1].count('.'):
                    found.add(tuple(values))


# Elements of R3 whose parts are those of a data type.
PARTS = {'MedicationRequest.dosageInstruction.': 'Dosage.', 'MedicationStatement.dosage.': 'Dosage.'}


def generic(path):
    for prefix, name in PARTS.items():
        if path.startswith(prefix):
            return name + path[len(prefix):]
    return path


def composed(first, second):
    """The facts of two folders, one after the other."""
    after = {}
    for source, target in Groups(second).facts():
        after.setdefault(source, set()).add(target)
        after.setdefault(generic(source), set()).add(target)
    return {(source, target) for source, middle in Groups(first).facts()
            for target in after.get(middle, set()) | after.get(generic(middle), set())}


def main():
    folder, types = sys.argv[1], set(sys.argv[2:])
    out = composed(os.path.join(folder, 'R4toR3'), os.path.join(folder, 'R3toR2'))
    back = {(t, s) for s, t in composed(os.path.join(folder, 'R2toR3'), os.path.join(folder, 'R3toR4'))}
    print('# R4 element, DSTU2 element, from which way\'s maps: facts of HL7\'s structure maps, composed over R3')
    print('# (github.com/HL7/fhir-cross-version; made by tools/fmlfacts.py).')
    for source, target in sorted(out | back):
        way = 'both' if (source, target) in out & back else 'out' if (source, target) in out else 'in'
        if source.split('.')[0] in types:
            print(f'{source}\t{target}\t{way}')


main()

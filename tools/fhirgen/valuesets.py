# SPDX-License-Identifier: Apache-2.0
"""Value sets as what is known of them: for each system the codes that are in, and what holds for
all its other codes: they are out (NONE), in (ALL: the whole system, which has no content here) or
nobody can tell here (UNKNOWN: a filter over such a system)."""

import html
import json
import re

from terminology import Terminology, _filter

_ROW = re.compile(r"<tr[^>]*>\s*<td[^>]*>(.*?)</td>\s*<td[^>]*>(.*?)</td>", re.S)
_TAG = re.compile(r"<[^>]+>")
NONE, ALL, UNKNOWN, WHOLE = range(4)  # WHOLE: all that the carried system has, and no others
ANY_SYSTEM = "*"  # a part that cannot even be told by system
# Later releases of US Core name these by their place in a catalogue that is in no package, or define them
# by others of its sets; earlier ones list their codes.
_CATALOGUE, _US_CORE = "http://cts.nlm.nih.gov/fhir/ValueSet/", "http://hl7.org/fhir/us/core/ValueSet/"
MOVED = {
    _CATALOGUE + "2.16.840.1.113883.4.642.2.575": _US_CORE + "omb-race-category",
    _CATALOGUE + "2.16.840.1.113883.4.642.40.2.48.3": _US_CORE + "omb-ethnicity-category",
    _CATALOGUE + "2.16.840.1.113762.1.4.1267.25": _US_CORE + "detailed-race",
    _CATALOGUE + "2.16.840.1.113883.4.642.40.2.48.1": _US_CORE + "detailed-ethnicity",
    _CATALOGUE + "2.16.840.1.113762.1.4.1021.24": _US_CORE + "birthsex",
}


class Package:
    """Terminology of a package on top of that of the base. What it leaves out is the lender's, if there is one:
    code systems, and value sets of MOVED."""

    def __init__(self, base, resources, lender=None, version=""):
        self.terminology = Terminology.__new__(Terminology)
        self.terminology.systems = dict(base.systems)
        self.terminology.value_sets = dict(base.value_sets)
        self.terminology.about = dict(base.about)
        self.version = version
        self.own = {r["url"] for r in resources if r["resourceType"] == "ValueSet"} | set(MOVED if lender else ())
        for resource in resources:
            if resource["resourceType"] == "ValueSet":
                self.terminology.value_sets[resource["url"]] = resource
            elif resource.get("content") == "complete":
                self.terminology.add_resource(resource)
        for url, system in lender.systems.items() if lender else ():
            self.terminology.systems.setdefault(url, system)
        for url, name in MOVED.items() if lender else ():
            listed = _with_null_flavors(lender.value_sets[name]) if "detailed" in name else lender.value_sets[name]
            self.terminology.value_sets.setdefault(url, listed)
            if _CATALOGUE in json.dumps(self.terminology.value_sets.get(name, {}).get("compose", _CATALOGUE)):
                self.terminology.value_sets[name] = listed
        self._known, self._rows = {}, {}

    def parts(self, url):
        """{system: (codes, rest)}, or None when the set is not known at all."""
        url = url.partition("|")[0]
        if url not in self._known:
            self._known[url] = None  # a set that includes itself adds nothing
            resource = self.terminology.value_sets.get(url)
            if resource is not None:
                self._known[url] = self._compose(resource.get("compose", {}))
        return self._known[url]

    def display(self, url, system, code):
        """The display of a code in a value set: that of the set, of the system, of the set's narrative."""
        for include in self.terminology.value_sets[url].get("compose", {}).get("include", ()):
            for raw in include.get("concept", ()) if include.get("system") == system else ():
                if raw["code"] == code and raw.get("display"):
                    return raw["display"]
        known = self.terminology.systems.get(system, {})
        if code in known:
            return known[code].display
        if url not in self._rows:
            self._rows[url] = _narrative_rows(self.terminology.value_sets[url])
        if code in self._rows[url]:
            return self._rows[url][code]
        for include in self.terminology.value_sets[url].get("compose", {}).get("include", ()):
            for other in include.get("valueSet", ()):
                found = self.display(other, system, code) if other in self.terminology.value_sets else ""
                if found:
                    return found
        return ""

    def _compose(self, compose):
        found = {}
        for include in compose.get("include", ()):
            for system, part in self._component(include).items():
                found[system] = _union(found[system], part) if system in found else part
        for exclude in compose.get("exclude", ()):
            for system, part in self._component(exclude).items():
                if system in found:
                    found[system] = _without(found[system], part)
        return {system: part for system, part in found.items() if part[0] or part[1] != NONE}

    def _component(self, component):
        sets = []
        for url in component.get("valueSet", ()):
            parts = self.parts(url)
            sets.append({ANY_SYSTEM: (frozenset(), UNKNOWN)} if parts is None else parts)
        if "system" in component:
            sets.append({component["system"]: self._system_part(component)})
        result = sets[0] if sets else {}
        for other in sets[1:]:
            result = _intersection(result, other)
        return result

    def _system_part(self, component):
        known = self.terminology.systems.get(component["system"])
        if "concept" in component:
            return frozenset(raw["code"] for raw in component["concept"]), NONE
        if known is None:
            return frozenset(), UNKNOWN if component.get("filter") else ALL
        chosen = list(known.values())
        for rule in component.get("filter", ()):
            test = _filter(rule, known)
            if test is None:
                return frozenset(), UNKNOWN
            chosen = [c for c in chosen if test(c)]
        return frozenset(c.code for c in chosen), NONE


def _narrative_rows(value_set):
    """{code: display} of the tables in a narrative: some sets list codes alone, and tell displays only there."""
    found = {}
    for row in _ROW.findall(value_set.get("text", {}).get("div", "")):
        code, display = (" ".join(html.unescape(_TAG.sub("", cell)).split()) for cell in row)
        found.setdefault(code, display)
    return found


def _with_null_flavors(value_set):
    """The catalogue's detailed sets have some null flavors too; nobody can tell here which."""
    some = {"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "filter": [{"op": "some", "property": ""}]}
    return {**value_set, "compose": {**value_set["compose"], "include": value_set["compose"]["include"] + [some]}}


def _union(a, b):
    rest = ALL if ALL in (a[1], b[1]) else max(a[1], b[1])
    return a[0] | b[0], rest


def _without(a, b):
    if b[1] == ALL:
        return frozenset(), NONE
    if b[1] == UNKNOWN:
        return frozenset(), UNKNOWN
    return a[0] - b[0], UNKNOWN if a[1] == ALL else a[1]


def _intersection(a, b):
    if ANY_SYSTEM in a or ANY_SYSTEM in b:
        return {system: (frozenset(), UNKNOWN) for system in set(a) | set(b)}
    result = {}
    for system in set(a) & set(b):
        (codes, rest), (others, other_rest) = a[system], b[system]
        both = codes & others
        if other_rest == ALL:
            both |= codes
        if rest == ALL:
            both |= others
        unknown = UNKNOWN in (rest, other_rest)
        result[system] = both, UNKNOWN if unknown else (ALL if rest == other_rest == ALL else NONE)
    return result

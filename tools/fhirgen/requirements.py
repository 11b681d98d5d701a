# SPDX-License-Identifier: Apache-2.0
"""What US Core wants of a server, from the CapabilityStatements and SearchParameters of its releases.

One row for each thing wanted of a resource type, with the strictest expectation of all releases and
that of each release.
"""

from pool import Strings
from tables import Enum

EXPECTATION = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-expectation"
COMBINATION = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-search-parameter-combination"
# Listed without an expectation is a MAY.
WANTED = ("MAY", "SHOULD", "SHALL")
KINDS = ("type", "interaction", "operation", "param", "combination", "include", "revinclude", "profile")


def _wanted(holder):
    for extension in (holder or {}).get("extension", ()):
        if extension["url"] == EXPECTATION:
            return extension["valueCode"]
    return ""


def _listed(holder, member):
    """The items of a list of primitives with their expectations."""
    beside = holder.get("_" + member) or []
    for at, text in enumerate(holder.get(member, ())):
        yield text, _wanted(beside[at] if at < len(beside) else None)


def _of_type(raw):
    """(kind, name, expectation) of all that a release says of a resource type."""
    yield "type", "", _wanted(raw)
    for kind, member, key in (
        ("interaction", "interaction", "code"),
        ("operation", "operation", "name"),
        ("param", "searchParam", "name"),
    ):
        for item in raw.get(member, ()):
            yield kind, item[key], _wanted(item)
    for kind, member in (("include", "searchInclude"), ("revinclude", "searchRevInclude")):
        for text, wanted in _listed(raw, member):
            yield kind, text, wanted
    for text, wanted in _listed(raw, "supportedProfile"):
        yield "profile", text.partition("|")[0], wanted
    for extension in raw.get("extension", ()):
        if extension["url"] == COMBINATION:
            names = sorted(e["valueString"] for e in extension["extension"] if e["url"] == "required")
            names.sort(key=lambda name: name != "patient")
            yield "combination", "+".join(names), _wanted(extension)


def _shall(search):
    """What a server must do with a parameter's values: comparators, OR and AND lists."""
    found = {text for text, wanted in _listed(search, "comparator") if wanted == "SHALL"}
    for member, word in (("multipleOr", "or"), ("multipleAnd", "and")):
        if search.get(member) and _wanted(search.get("_" + member)) == "SHALL":
            found.add(word)
    return found


class Requirements:
    def __init__(self, releases):
        """releases: (version, server statement, search parameters), oldest first."""
        self.versions = [version for version, _, _ in releases]
        self.rows = {}
        self.shall = {}
        for at, (_, statement, searches) in enumerate(releases):
            rest = statement["rest"][0]
            for item in rest.get("interaction", ()):
                self._add(at, "", "interaction", item["code"], _wanted(item))
            for raw in rest["resource"]:
                for kind, name, wanted in _of_type(raw):
                    self._add(at, raw["type"], kind, name, wanted)
            for search in searches:
                for base in search["base"]:
                    self.shall.setdefault((base, search["code"]), set()).update(_shall(search))
        self.strings = Strings()

    def _add(self, at, type_name, kind, name, wanted):
        key = (type_name, KINDS.index(kind), name)
        self.rows.setdefault(key, [None] * len(self.versions))[at] = wanted

    def _strictest(self, row):
        known = [WANTED.index(wanted) for wanted in row if wanted]
        return WANTED[max(known)] if known else "MAY"

    def table(self):
        rows = []
        for (type_name, kind, name), row in sorted(self.rows.items()):
            releases = sum(1 << at for at, wanted in enumerate(row) if wanted is not None)
            levels = sum(
                (1 + WANTED.index(wanted or "MAY")) << 2 * at for at, wanted in enumerate(row) if wanted is not None
            )
            rows.append(
                (
                    self.strings.add(type_name),
                    self.strings.add(name),
                    releases,
                    levels,
                    Enum("FHIR_USCORE_" + KINDS[kind].upper()),
                    Enum("FHIR_USCORE_" + self._strictest(row)),
                )
            )
        self.strings.freeze()
        return rows

    def lines(self):
        """The same for the tests: type, kind, name, expectation by release, what values must do."""
        short = {None: "-", "": "x", "MAY": "m", "SHOULD": "s", "SHALL": "S"}
        yield "# " + "\t".join(("type", "kind", "name", " ".join(self.versions), "comparators, lists")) + "\n"
        for (type_name, kind, name), row in sorted(self.rows.items()):
            must = self.shall.get((type_name, name), ()) if KINDS[kind] == "param" else ()
            fields = (type_name, KINDS[kind], name, "".join(short[wanted] for wanted in row), " ".join(sorted(must)))
            yield "\t".join(fields).rstrip() + "\n"

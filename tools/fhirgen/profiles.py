# SPDX-License-Identifier: Apache-2.0
"""Profiles, extensions and invariants as the rows of mod_fhir/model/fhir_profiles.h.

A profile is a tree of nodes made from its snapshot. A node holds what the profile adds to the base
definition; elements to which it adds nothing are left out. Equal subtrees are one node, so the
releases of a profile share most of theirs.
"""

import json

from pool import Strings
from requirements import COMBINATION, EXPECTATION
from structure import CORE, FHIR_TYPE, _base_path
from tables import Enum
from valuesets import NONE, WHOLE, Package

UNBOUNDED = 0xFFFF
SEVERITIES = {"error": 0, "warning": 1}
STRENGTHS = {"required": 1, "extensible": 2}
MUST_SUPPORT, MODIFIER, HIERARCHY, ABSTRACT = 1, 1, 1, 1
RULES = {"open": 0, "closed": 1, "openAtEnd": 2}
DISCRIMINATORS = {"value": 0, "pattern": 0, "exists": 1, "type": 2, "profile": 3}
# What fhir_check.c and its neighbours hold without FHIRPath: cheaper, and at the very element.
STRUCTURAL = {"ele-1", "ext-1", "dom-2", "dom-3", "dom-4", "dom-5", "txt-1", "txt-2", "ref-1"}
STRUCTURAL |= {"bdl-%d" % n for n in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12)}
# Invariants whose published expression does not say what their text says.
CORRECTED = {
    # Boolean is FHIRPath's own type; an answer is FHIR's boolean
    "que-7": ("answer is Boolean", "answer is boolean"),
    # of dateTimes alone, as later releases write it: a Period would give nothing, which does not pass
    "us-core-1": ("($this as dateTime).toString().length() >= 8", "$this is dateTime implies toString().length() >= 8"),
    "vs-1": ("($this as dateTime).toString().length() >= 8", "$this is dateTime implies toString().length() >= 8"),
}
# Where R4's own definitions, and US Core's statements, use an extension although its definition does
# not name the place. The place in an extension is that one's URL.
MORE_CONTEXTS = {
    FHIR_TYPE: ["ElementDefinition.type"],
    EXPECTATION: [
        COMBINATION,
        "CapabilityStatement.format",
        "CapabilityStatement.implementationGuide",
        "CapabilityStatement.instantiates",
        "CapabilityStatement.patchFormat",
        "CapabilityStatement.rest.resource",
        "CapabilityStatement.rest.resource.operation",
        "CapabilityStatement.rest.resource.referencePolicy",
        "CapabilityStatement.rest.resource.supportedProfile",
    ],
}


class Rows:
    """Rows of one table; equal rows are stored once."""

    def __init__(self, width):
        self.rows = [(0,) * width]
        self._known = {}

    def add(self, *row):
        if row not in self._known:
            self._known[row] = len(self.rows)
            self.rows.append(row)
        return self._known[row]


class Counted:
    """Runs of small integers, each led by its length; equal runs are stored once. Run 0 is empty."""

    def __init__(self):
        self.values = [0]
        self._known = {(): 0}

    def add(self, run):
        run = tuple(run)
        if run not in self._known:
            self._known[run] = len(self.values)
            self.values += (len(run), *run)
        return self._known[run]


class Node:
    """An element or slice of a snapshot with those below it."""

    def __init__(self, raw, name, slice_name="", alias=""):
        self.raw, self.name, self.slice, self.alias = raw, name, slice_name, alias
        self.children, self.slices = {}, {}


class Base:
    """The elements of the base definitions by (type, name), as in their snapshots."""

    def __init__(self, definitions, structure):
        self.structure = structure
        self.elements, self.roots = {}, {}
        for definition in definitions.structures:
            if definition["resourceType"] != "StructureDefinition" or definition.get("derivation") == "constraint":
                continue
            self._add(definition["type"], definition["snapshot"]["element"])
        self.keys = set()
        for raw in list(self.elements.values()) + list(self.roots.values()):
            self.keys |= {c["key"] for c in raw.get("constraint", ())}

    def _add(self, name, elements):
        self.roots[name] = elements[0]
        parents = {e["path"].rpartition(".")[0] for e in elements}
        for raw in elements[1:]:
            parent, _, leaf = raw["path"].rpartition(".")
            self.elements[parent, leaf] = raw
            if raw["path"] in parents and raw["path"] in self.structure.types:
                self.roots[raw["path"]] = raw

    def element(self, owner, name):
        return self.elements.get((owner, name)) or self.elements.get((owner, name + "[x]"))

    def type_below(self, owner, name):
        """The type of an element: a backbone's path, its only data type, or "" (several)."""
        path = "%s.%s" % (owner, name)
        if path in self.structure.types:
            return path
        raw = self.element(owner, name)
        if raw is None:
            return ""
        if "contentReference" in raw:
            return raw["contentReference"].rpartition("#")[2]
        return _only_type(raw)


class Profiles:
    def __init__(self, tables, definitions, packages):
        """packages: lists of (version, resources), oldest first."""
        self.tables = tables
        self.strings = Strings()
        self.runs = Counted()
        self.nodes, self.types, self.slicings = Rows(13), Rows(3), Rows(3)
        self.discriminators, self.canonicals = Rows(2), Rows(1)
        self.invariants, self.bindings, self.sets, self.parts = Rows(4), Rows(3), Rows(5), Rows(4)
        self.rules = Rows(3)
        self.contexts = Rows(1)
        self.codes, self._code_runs = [(0, 0)], {(): 0}
        self.systems, self.concepts, self.by_code = [(0,) * 6], [(0,) * 4], [0]
        self.base = Base(definitions, tables.structure)
        self.profiles = [(0,) * 9]
        core = Package(_Empty, definitions.terminology, version="4.0.1")
        # All systems, the newest of each: what value sets have in whole is told by them.
        self.known = dict(core.terminology.systems)
        self.about = dict(core.terminology.about)
        for _, resources in packages:
            own = Package(_Empty, resources).terminology
            self.known.update(own.systems)
            self.about.update(own.about)
        self._base_rules(core)
        found = []
        core_profiles = [p for p in definitions.profiles if p["resourceType"] == "StructureDefinition"]
        core_profiles += [s for s in definitions.structures if s.get("derivation") == "constraint"]
        for profile in core_profiles:
            found.append((profile["url"], profile.get("version", "4.0.1"), profile, core))
        # The oldest release that defines something defines it whole: it comes last, and stays.
        lent = [r for _, resources in reversed(packages) for r in resources]
        lender = Package(core.terminology, lent).terminology
        for version, resources in packages:
            package = Package(core.terminology, resources, lender, version)
            for resource in resources:
                if resource["resourceType"] == "StructureDefinition":
                    found.append((resource["url"], version, resource, package))
                elif resource["resourceType"] == "ValueSet":
                    self._value_set(resource["url"], package)
        # By URL, newest version first.
        found.sort(key=lambda f: (f[0], _newest_first(f[1])))
        for url, version, profile, package in found:
            self.profiles.append(self._profile(url, version, profile, package))
        for url in core.terminology.value_sets:
            self._value_set(url, core)
        self._sort_sets()
        self._code_systems()

    # ---- the base: invariants of types and elements, extensible bindings ----

    def _base_rules(self, core):
        tables, structure = self.tables, self.tables.structure
        self.type_rules = [0] * (len(structure.order) + 1)
        self.element_rules = [0] * len(tables.elements)
        for t in structure.order:
            raw = self.base.roots.get(t.name)
            if raw is not None and not t.abstract:
                own = [c for c in raw.get("constraint", ())]
                self.type_rules[tables.type_index[t.name]] = self._invariants(own)
        at = 1
        for t in structure.order:
            for e in t.elements:
                raw = self.base.element(t.name, e.group or e.name)
                if raw is not None:
                    self.element_rules[at] = self._element_rule(raw, e, core)
                at += 1

    def _element_rule(self, raw, element, core):
        type_root = self.base.roots.get(element.type, {})
        known = {c["key"] for c in type_root.get("constraint", ())}
        invariants = self._invariants(c for c in raw.get("constraint", ()) if c["key"] not in known)
        binding = self._binding(raw, core, ("extensible",)) if not element.binding else 0
        if element.type not in ("code", "Coding", "CodeableConcept", "Quantity", "string", "uri"):
            binding = 0
        profiles = [
            self.canonicals.add(url)
            for entry in raw.get("type", ())
            if entry.get("code") == element.type
            for url in entry.get("profile", ())
        ]
        if not (invariants or binding or profiles):
            return 0
        return self.rules.add(invariants, self.runs.add(profiles), binding)

    def _invariants(self, constraints):
        run = []
        for c in constraints:
            if c["key"] in STRUCTURAL or not c.get("expression"):
                continue
            expression = c["expression"].replace(*CORRECTED.get(c["key"], ("", "")))
            row = (c["key"], c["human"], expression, SEVERITIES[c["severity"]])
            run.append(self.invariants.add(*row))
        return self.runs.add(run)

    # ---- value sets ----

    def _binding(self, raw, package, strengths=("required", "extensible")):
        binding = raw.get("binding", {})
        url = binding.get("valueSet", "")
        if binding.get("strength") not in strengths or not url:
            return 0
        return self.bindings.add(url, self._value_set(url, package), STRENGTHS[binding["strength"]])

    def _value_set(self, url, package):
        url = url.partition("|")[0]
        parts = package.parts(url)
        if parts is None:
            return 0
        run = []
        for system, (codes, rest) in sorted(parts.items()):
            if rest == NONE and codes == set(self.known.get(system, ())):
                run.append(self.parts.add(system, 0, 0, WHOLE))
            else:
                displays = {code: package.display(url, system, code) for code in codes}
                run.append(self.parts.add(system, *self._codes(displays), rest))
        resource = package.terminology.value_sets[url]
        version = package.version if url in package.own else "4.0.1"
        name, title = resource.get("name", ""), resource.get("title") or resource.get("name", "")
        return self.sets.add(url, version, name, title, self.runs.add(run))

    def _codes(self, displays):
        codes = tuple(sorted(displays.items(), key=lambda row: row[0].encode()))
        if codes not in self._code_runs:
            self._code_runs[codes] = len(self.codes)
            self.codes += codes
        return self._code_runs[codes], len(codes)

    def _sort_sets(self):
        """By URL, newest first; of one release (a set that it defines anew) the later row."""
        rows = self.sets.rows
        order = sorted(range(1, len(rows)), key=lambda i: (rows[i][0].encode(), _newest_first(rows[i][1]), -i))
        place = {old: new for new, old in enumerate(order, 1)}
        self.sets.rows = [rows[0]] + [rows[i] for i in order]
        self.bindings.rows = [(url, place.get(index, 0), strength) for url, index, strength in self.bindings.rows]

    # ---- code systems ----

    def _code_systems(self):
        """All that have all their codes: concepts in their order, and an index of them by code."""
        for url in sorted(self.known, key=lambda url: url.encode()):
            system, first = self.known[url], len(self.concepts)
            below = {}
            for concept in system.values():
                for parent in sorted(concept.parents & set(system)):
                    below.setdefault(parent, []).append(concept.code)
            for concept in system.values():
                if not concept.parents & set(system):
                    self._concepts(system, concept.code, below, 0)
            count = len(self.concepts) - first
            self.systems.append((url, *self.about[url], first, count, HIERARCHY if below else 0))
            rows = range(first, first + count)
            self.by_code += sorted(rows, key=lambda at: (self.concepts[at][0].encode(), at))

    def _concepts(self, system, code, below, depth):
        """A code and what is below it, in this order; below two codes it stands twice."""
        assert depth < 50, code  # no circle
        self.concepts.append((code, system[code].display, depth, ABSTRACT if system[code].abstract else 0))
        for other in below.get(code, ()):
            self._concepts(system, other, below, depth + 1)

    # ---- profiles ----

    def _profile(self, url, version, profile, package):
        root = _tree(profile["snapshot"]["element"])
        name = profile["type"]
        row = self._node(root, name, package, True)
        contexts = [c["expression"] for c in profile.get("context", ())] + MORE_CONTEXTS.get(url, [])
        contexts = [self.contexts.add(expression) for expression in contexts]
        return (
            url,
            version,
            profile.get("title") or profile["name"],
            profile.get("baseDefinition", ""),
            self.runs.add(contexts),
            self._invariants(
                {"key": "context", "human": "", "expression": e, "severity": "error"}
                for e in profile.get("contextInvariant", ())
            ),
            self.tables.type_index[name],
            row,
            MODIFIER if profile["snapshot"]["element"][0].get("isModifier") else 0,
        )

    def _node(self, node, owner, package, root=False):
        """Index of the row of a node and all below it; 0 if they add nothing to the base.

        owner: the type that has the element, of a root its own type."""
        raw = node.raw
        base = self.base.roots[owner] if root else self.base.element(owner, node.name)
        below = owner if root else self.base.type_below(owner, node.name) or _only_type(raw)
        if not root and _only_type(raw) and below not in self.tables.structure.types:
            below = _only_type(raw)
        children = [self._node(c, below, package) for c in node.children.values()] if below else []
        slices = [self._node(s, owner, package) for s in node.slices.values()]
        types = [] if root else self._types(raw, base, node.slice)
        fixed, pattern = _value(raw, "fixed"), _value(raw, "pattern")
        invariants = self._invariants(c for c in raw.get("constraint", ()) if c["key"] not in self.base.keys)
        binding = self._new_binding(raw, base, package)
        slicing = self._slicing(raw) if slices or raw.get("slicing", {}).get("rules") == "closed" else 0
        flags = MUST_SUPPORT if raw.get("mustSupport") else 0
        minimum, maximum = raw["min"], _maximum(raw)
        children = [c for c in children if c]
        same = base is not None and not node.slice and (root or (minimum, maximum) == (base["min"], _maximum(base)))
        if not root and same and not (
            children or slices or types or fixed or pattern or invariants or binding or slicing or flags
        ):
            return 0
        return self.nodes.add(
            "" if root else node.name,
            node.slice,
            fixed,
            pattern,
            self.runs.add(children),
            self.runs.add(slices),
            self.runs.add(types),
            invariants,
            minimum,
            maximum,
            binding,
            slicing,
            flags,
        )

    def _types(self, raw, base, is_slice):
        if "contentReference" in raw or "type" not in raw:
            return []
        own = _type_rows(raw)
        if base is not None and not is_slice and own == _type_rows(base):
            return []
        run = []
        for code, profiles, targets in own:
            if code not in self.tables.type_index:
                return []
            index = self.tables.type_index[code]
            names = [[self.canonicals.add(url) for url in urls] for urls in (profiles, targets)]
            run.append(self.types.add(self.runs.add(names[0]), self.runs.add(names[1]), index))
        return run

    def _new_binding(self, raw, base, package):
        """The binding, unless the base definition has the same: that is held there."""
        if base is not None and base.get("binding"):
            own, old = raw.get("binding", {}), base["binding"]
            if own.get("strength") == old["strength"] and _bare(own) == _bare(old):
                return 0
        return self._binding(raw, package)

    def _slicing(self, raw):
        slicing = raw.get("slicing", {"rules": "open"})
        run = [
            self.discriminators.add(d["path"], DISCRIMINATORS[d["type"]]) for d in slicing.get("discriminator", ())
        ]
        return self.slicings.add(self.runs.add(run), RULES[slicing["rules"]], int(slicing.get("ordered", False)))

    def all(self):
        return {
            "profiles": self.profiles,
            "nodes": self.nodes.rows,
            "types": self.types.rows,
            "slicings": self.slicings.rows,
            "discriminators": self.discriminators.rows,
            "canonicals": [row[0] for row in self.canonicals.rows],
            "invariants": self.invariants.rows,
            "bindings": self.bindings.rows,
            "sets": self.sets.rows,
            "parts": self.parts.rows,
            "codes": self.codes,
            "contexts": [row[0] for row in self.contexts.rows],
            "rules": self.rules.rows,
            "type_rules": self.type_rules,
            "element_rules": self.element_rules,
            "runs": self.runs.values,
            "systems": self.systems,
            "concepts": self.concepts,
            "by_code": self.by_code,
        }

    def finish(self):
        for rows in self.all().values():
            for row in rows:
                for value in row if isinstance(row, tuple) else (row,):
                    if isinstance(value, str) and not isinstance(value, Enum):
                        self.strings.add(value)
        self.strings.freeze()


class _Empty:
    systems, value_sets, about = {}, {}, {}


def _newest_first(version):
    return [-int(n) for n in version.split(".")]


def _tree(elements):
    """Nodes by element id: "Observation.category:VSCat.coding" has one segment for each node."""
    root = Node(elements[0], "")
    for raw in elements[1:]:
        node = root
        segments = raw["id"].split(".")[1:]
        for at, segment in enumerate(segments):
            name, _, slice_name = segment.partition(":")
            name = name[:-3] if name.endswith("[x]") else name
            last = at == len(segments) - 1
            if name not in node.children or (last and not slice_name):
                # Some snapshots name a slice of what is not sliced: that is the element itself.
                node.children[name] = Node(raw, name, alias=slice_name)
            node = node.children[name]
            if slice_name and slice_name != node.alias:
                if last:
                    node.slices[slice_name] = Node(raw, name, slice_name)
                node = node.slices[slice_name]
    return root


def _maximum(raw):
    return UNBOUNDED if raw["max"] == "*" else int(raw["max"])


def _value(raw, kind):
    """The fixed or pattern value as JSON text; a prefix of '' means none."""
    for key, value in raw.items():
        if key.startswith(kind) and key[len(kind) : len(kind) + 1].isupper():
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return ""


def _code(entry):
    for extension in entry.get("extension", ()):
        if extension["url"] == FHIR_TYPE:
            return extension.get("valueUrl") or extension.get("valueUri")
    code = entry.get("code", "")
    return "string" if code.startswith("http://hl7.org/fhirpath/") else code


def _type_rows(raw):
    rows = []
    for entry in raw.get("type", ()):
        targets = entry.get("targetProfile", ())
        if CORE + "Resource" in targets:
            targets = ()
        rows.append((_code(entry), tuple(entry.get("profile", ())), tuple(targets)))
    return rows


def _only_type(raw):
    codes = {_code(entry) for entry in raw.get("type", ())}
    return codes.pop() if len(codes) == 1 else ""


def _bare(binding):
    return binding.get("valueSet", "").partition("|")[0]

# SPDX-License-Identifier: Apache-2.0
"""Search parameters per resource type: which there are, and what their expressions reach.

How their values are stored is the business of columns.py.
"""

from dataclasses import replace

import fhirpath
from paths import RESOLVE_IS, RESOURCE_IS, CannotCompile, Paths, Reach, Step

PRIMITIVE_CODES = "boolean canonical code id integer oid positiveInt string unsignedInt uri url uuid".split()
STRINGS = "canonical code id markdown oid string uri url uuid".split()
URIS = "canonical oid uri url uuid".split()

# What becomes of a value, by parameter type and data type: fhir_conv_t. What is not here cannot be
# searched that way and is passed over (Procedure.performed as a string in a date parameter).
CONVERSIONS = {
    "token": {
        **dict.fromkeys(PRIMITIVE_CODES, "CODE"),
        "CodeableConcept": "CODEABLECONCEPT",
        "Coding": "CODING",
        "ContactPoint": "CONTACTPOINT",
        "Identifier": "IDENTIFIER",
    },
    "reference": {**dict.fromkeys(URIS, "CANONICAL"), "Reference": "REFERENCE", "Resource": "RESOURCE"},
    "date": {
        **dict.fromkeys("date dateTime instant".split(), "DATE"),
        "Period": "PERIOD",
        "Timing": "TIMING",
    },
    "number": {
        **dict.fromkeys("decimal integer positiveInt unsignedInt".split(), "NUMBER"),
        "Range": "RANGE",
    },
    "quantity": {
        **dict.fromkeys("Age Count Distance Duration Quantity".split(), "QUANTITY"),
        "Money": "MONEY",
        "Range": "RANGE",
        "SampledData": "SAMPLEDDATA",
    },
    "string": {
        **dict.fromkeys(STRINGS, "STRING"),
        "Address": "ADDRESS",
        "CodeableConcept": "CC_TEXT",
        "HumanName": "HUMANNAME",
    },
    "uri": dict.fromkeys(URIS, "URI"),
    "special": {"Location.position": "POSITION"},
    "composite": {},
}

# What HL7 left out or got wrong, by URL of the definition: members to replace, and the reason.
SEARCH = "http://hl7.org/fhir/SearchParameter/"
EXTENSION = "http://hl7.org/fhir/StructureDefinition/"
CORRECTIONS = {
    SEARCH + "CapabilityStatement-fhirversion": (
        {"expression": "CapabilityStatement.fhirVersion"},
        "the expression is that of the parameter version",
    ),
    SEARCH + "DocumentReference-relationship": (
        {
            "component": [
                {"definition": SEARCH + "DocumentReference-relation", "expression": "code"},
                {"definition": SEARCH + "DocumentReference-relatesto", "expression": "target"},
            ]
        },
        "the definition gives the code to the reference parameter and the target to the token one",
    ),
    SEARCH + "patient-extensions-Patient-birthOrderBoolean": (
        {"expression": "Patient.multipleBirth.exists() and Patient.multipleBirth != false"},
        "the definition has no expression; its text asks whether there was a multiple birth",
    ),
    SEARCH + "patient-extensions-Patient-mothersMaidenName": (
        {"expression": "Patient.extension('%spatient-mothersMaidenName')" % EXTENSION},
        "the expression names an extension that does not exist",
    ),
}

# Parameters that cannot be computed from the resource alone, with the reason for the report.
NOT_COMPUTABLE = {
    "_text": "full text of the narrative: searched in the resource's text, nothing is stored",
    "_content": "full text of the resource: searched in the resource's text, nothing is stored",
    "_query": "names a query that a server defines; there is no value in the resource",
    "age": "depends on the day of the search; birthdate finds the same patients",
}


class Param:
    def __init__(self, definition, type_name):
        self.definition = definition
        self.type = type_name
        self.name = definition["code"]
        self.kind = definition["type"]
        self.url = definition.get("url", "")
        self.expression = ""
        self.reaches = []  # of (Reach, conversion)
        self.contexts = []  # composite: reaches of its repetitions
        self.components = []  # composite and union: other Params
        self.inherited = self.us_core = False
        self.reason = ""  # why it has no program
        self.partial = ""  # why a branch of its expression is left out
        self.targets = []

    @property
    def words(self):
        """Its values are strings, of which the letter case does not count. Versions of canonical resources are
        compared with those in references as they are."""
        return self._only("CODE", "string") and not (self.name == "version" and self.kind == "token")

    @property
    def contacts(self):
        """Its values are telephone numbers and addresses, whose letters and digits count alone."""
        return self._only("CONTACTPOINT", "ContactPoint")

    @property
    def inside(self):
        """Its values are resources in place, no references."""
        return any(conv == "RESOURCE" for _, conv in self.reaches)

    def _only(self, conv, type_name):
        return self.kind == "token" and {(c, r.type) for r, c in self.reaches} == {(conv, type_name)}


class Params:
    """All parameters of a version: `of[type]` in order of name."""

    def __init__(self, structure, search, extensions, us_core=()):
        self.structure = structure
        self.paths = Paths(structure, extensions)
        self.corrected = set()
        self.of = {name: {} for name in structure.resources}
        self.by_url = {}
        for definition in search:
            self._define(_repaired(definition), us_core=False)
        newest = {(base, d["code"]): d for d in us_core for base in d["base"]}
        for (base, code), definition in sorted(newest.items()):
            if code not in self.of[base]:
                self._define(dict(definition, base=[base]), us_core=True)
        self.of = {t: dict(sorted(ps.items(), key=lambda kv: kv[0].encode())) for t, ps in self.of.items()}
        for params in self.of.values():
            for param in params.values():
                if param.kind == "composite" and not param.reason:
                    self._compose(param)

    def all(self):
        return [p for params in self.of.values() for p in params.values()]

    def _define(self, definition, us_core):
        if definition.get("url") in CORRECTIONS:
            definition = dict(definition, **CORRECTIONS[definition["url"]][0])
            self.corrected.add(definition["url"])
        bases = definition["base"]
        for base in [bases] if isinstance(bases, str) else bases:
            for name in self.structure.resources:
                if not self.structure.is_a(name, base):
                    continue
                param = Param(definition, name)
                param.inherited = base != name
                param.us_core = us_core
                if param.name in self.of[name] and param.inherited:
                    continue
                self.of[name][param.name] = param
                self.by_url[param.url, name] = param
                self._compile(param)

    def _compile(self, param):
        """Expression to reaches; a failure leaves its reason in the parameter."""
        source = param.definition.get("expression", "")
        if param.name in NOT_COMPUTABLE:
            param.reason = NOT_COMPUTABLE[param.name]
            return
        if not source:
            param.reason = "the definition has no expression"
            return
        try:
            self._accept(param, self._reached(param, source))
        except (CannotCompile, fhirpath.ParseError) as problem:
            param.expression = source
            param.reason = str(problem)

    def _reached(self, param, source):
        """Reaches of the branches of a union; sets the part of the expression that is this type's.

        A branch that names no element is passed over if another one reaches something: DSTU2's
        onsetAge is written onsetQuantity.
        """
        parts, reaches, failure = [], [], None
        for branch in fhirpath.branches(fhirpath.parse(source)):
            try:
                found = self.paths.of(branch, param.type)
            except CannotCompile as problem:
                failure = failure or problem
                continue
            if found:
                parts.append(branch.text(source))
                reaches += found
        if failure and not reaches:
            raise failure
        param.expression = " | ".join(parts)
        param.partial = str(failure or "")
        return reaches

    def _accept(self, param, reaches):
        if not reaches:
            raise CannotCompile("the expression reaches nothing in %s" % param.type)
        if param.kind == "composite":
            param.contexts = reaches
            return
        param.reaches = self.converted(param.kind, reaches)
        if not param.reaches:
            types = "/".join(sorted({r.type for r in reaches}))
            raise CannotCompile("%s cannot be searched as %s" % (types, param.kind))
        param.targets = self._targets(param)
        if param.targets and any(conv == "RESOURCE" for _, conv in param.reaches):
            param.reaches = [(r.guarded((RESOURCE_IS, "", "", param.targets[0])), c) for r, c in param.reaches]

    def converted(self, kind, reaches):
        found = []
        for reach in reaches:
            for final in self._refined(kind, reach):
                conv = "EXISTS" if final.exists else CONVERSIONS[kind].get(final.type)
                if conv and (final, conv) not in found:
                    found.append((final, conv))
        return found

    def _refined(self, kind, reach):
        """The reach itself, or what stands for it: an extension's value, a contact's name."""
        if reach.type == "Extension":
            return [r for v in self.paths.member([reach], "value") for r in self._refined(kind, v)]
        if kind == "string" and reach.type == "ContactDetail":
            return self.paths.member([reach], "name")
        if kind == "token" and reach.steps and reach.steps[-1].name == "code":
            coding = self.paths.owner(reach)
            if coding.type == "Coding":  # the same codes, and their systems can be asked for too
                return [coding]
        return [self._unguarded(reach)]

    @staticmethod
    def _unguarded(reach):
        """Drops resolve() is T where the element allows nothing but T."""
        if reach.steps and reach.element:
            last = reach.steps[-1]
            kept = tuple(g for g in last.guards if not (g[0] == RESOLVE_IS and reach.element.targets == [g[3]]))
            if kept != last.guards:
                return replace(reach, steps=reach.steps[:-1] + (Step(last.name, kept),))
        return reach

    def _targets(self, param):
        """Types that a reference may point at: the definition's, as far as the elements allow them."""
        if param.kind != "reference":
            return []
        guarded = {g[3] for r, _ in param.reaches for s in r.steps[-1:] for g in s.guards if g[0] == RESOLVE_IS}
        defined = set(param.definition.get("target", ())) & set(self.structure.resources)
        allowed = set()
        for reach, _ in param.reaches:
            targets = reach.element.targets if reach.element else []
            allowed |= set(targets or self.structure.resources)
        if guarded and all(r.steps[-1].guards for r, _ in param.reaches):
            return sorted(guarded)
        both = (defined & allowed) or (allowed if not defined else defined)
        # Any, though the lists of HL7 leave out Parameters.
        return [] if len(both) >= len(self.structure.resources) - 1 else sorted(both)

    def _compose(self, param):
        """Component definitions and, for each, what it reaches in a repetition."""
        try:
            for raw in param.definition.get("component", ()):
                component = self.by_url.get((raw["definition"], param.type))
                if component is None or component.reason:
                    raise CannotCompile("component %s is not computable" % raw["definition"])
                param.components.append(component)
            if not param.components:
                raise CannotCompile("the definition has no components")
            param.component_reaches = [
                [self._component(param, context, i) for i in range(len(param.components))] for context in param.contexts
            ]
        except (CannotCompile, fhirpath.ParseError) as problem:
            param.reason = str(problem)
            param.components = []

    def _component(self, param, context, index):
        """Reaches of a component relative to one context."""
        base = Reach((), context.type)
        node = fhirpath.parse(param.definition["component"][index]["expression"])
        reaches = self.converted(param.components[index].kind, self.paths.of(node, param.type, [base]))
        if not reaches:
            raise CannotCompile("component %d reaches nothing" % (index + 1))
        return reaches


def _repaired(definition):
    """Base and expression where only the URL and the XPath tell them; DSTU2 has nothing else."""
    definition = dict(definition)
    if "base" not in definition:
        definition["base"] = [definition["url"].rpartition("/")[2].split("-")[2]]
    if "expression" not in definition and "xpath" in definition:
        definition["expression"] = fhirpath.from_xpath(definition["xpath"])
    return definition

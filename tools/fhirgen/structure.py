# SPDX-License-Identifier: Apache-2.0
"""Types and their elements, from StructureDefinition snapshots of R4 and DSTU2.

A choice element becomes one entry per allowed type; an element with children of its own becomes a
backbone type named by its path; a contentReference (DSTU2: nameReference) points at such a type.
"""

CORE = "http://hl7.org/fhir/StructureDefinition/"
SYSTEM_STRING = "http://hl7.org/fhirpath/System.String"
FHIR_TYPE = CORE + "structuredefinition-fhir-type"
MAX_VALUE_SET = CORE + "elementdefinition-maxValueSet"

PRIMITIVES = (
    "base64Binary boolean canonical code date dateTime decimal id instant integer markdown oid "
    "positiveInt string time unsignedInt uri url uuid xhtml"
).split()

SUMMARY, MODIFIER, XMLATTR, REQUIRED_BINDING, RESOURCE = 1, 2, 4, 8, 16
UNBOUNDED = 0xFFFF
ABSTRACT = 1
BOUND_TYPES = ("code", "Coding", "CodeableConcept")


class Type:
    def __init__(self, name, kind, base="", abstract=False):
        self.name = name
        self.kind = kind  # PRIMITIVE, COMPLEX, BACKBONE, RESOURCE
        self.base = base
        self.abstract = abstract
        self.elements = []

    def element(self, name):
        return next((e for e in self.elements if e.name == name), None)

    def choices(self, group):
        return [e for e in self.elements if e.group == group]


class Element:
    def __init__(self, name, type_name, minimum, maximum):
        self.name = name
        self.group = ""
        self.type = type_name
        self.min = minimum
        self.max = maximum
        self.targets = []
        self.binding = ""
        self.flags = 0

    @property
    def repeats(self):
        return self.max != 1


class Structure:
    """The types of one FHIR version: `types` by name, `order` as in the C table."""

    def __init__(self, definitions):
        self.types = {}
        self.profile_types = {p["url"]: p.get("type") or p.get("constrainedType") for p in definitions.profiles}
        for definition in definitions.structures:
            if not _is_constraint(definition):
                self._add(definition)
        if "xhtml" not in self.types:  # DSTU2 has no definition of it
            self.types["xhtml"] = Type("xhtml", "PRIMITIVE", "Element")
        self.order = self._sorted()
        self._check()

    def _sorted(self):
        def is_resource(t):
            return t.kind == "RESOURCE" and not t.abstract

        types = sorted(self.types.values(), key=lambda t: (not is_resource(t), t.name))
        self.resources = [t.name for t in types if is_resource(t)]
        return types

    def _check(self):
        for t in self.order:
            if t.base and t.base not in self.types:
                raise ValueError("%s: unknown base %s" % (t.name, t.base))
            for e in t.elements:
                if e.type not in self.types:
                    raise ValueError("%s.%s: unknown type %s" % (t.name, e.name, e.type))

    def is_a(self, name, ancestor):
        while name and name != ancestor:
            name = self.types[name].base
        return name == ancestor

    def _add(self, definition):
        name = definition["name"] if "type" not in definition else definition["type"]
        base = definition.get("baseDefinition") or definition.get("base") or ""
        if name in PRIMITIVES:
            kind = "PRIMITIVE"
        else:
            kind = "RESOURCE" if definition["kind"] == "resource" else "COMPLEX"
        owner = Type(name, kind, base.rpartition("/")[2], bool(definition.get("abstract")))
        self.types[name] = owner
        elements = definition["snapshot"]["element"]
        root = elements[0]["path"]  # DSTU2's markdown has paths of string
        parents = {e["path"].rpartition(".")[0] for e in elements}
        named = {e["name"]: e["path"] for e in elements if "name" in e}
        for raw in elements[1:]:
            path = raw["path"]
            parent, _, leaf = path.rpartition(".")
            if raw["max"] == "0" or (kind == "PRIMITIVE" and leaf == "value"):
                continue  # the value of a primitive is no JSON member
            if path in parents:
                self.types[path] = Type(path, "BACKBONE", _type_codes(raw)[0])
            holder = owner if parent == root else self.types[parent]
            holder.elements += self._expand(raw, path if path in parents else "", named)

    def _expand(self, raw, backbone, named):
        """The entries of one snapshot element: one, or one per type of a choice."""
        leaf = raw["path"].rpartition(".")[2]
        if backbone:
            codes = [backbone]
        elif "contentReference" in raw:
            codes = [raw["contentReference"].rpartition("#")[2]]
        elif "nameReference" in raw:
            codes = [named[raw["nameReference"]]]
        else:
            codes = _type_codes(raw)
        group = leaf[:-3] if leaf.endswith("[x]") else ""
        entries = []
        for code in codes:
            if raw["path"].endswith(".id") and _base_path(raw) == "Resource.id":
                code = "id"  # R4 says string here; the type of a resource's id is id
            name = group + code[0].upper() + code[1:] if group else leaf
            maximum = UNBOUNDED if raw["max"] == "*" else int(raw["max"])
            element = Element(name, code, raw["min"], maximum)
            element.group = group
            element.flags = self._flags(raw, code)
            element.targets = self._targets(raw, code)
            binding = raw.get("binding", {})
            if code in BOUND_TYPES and binding.get("strength") == "required":
                element.binding = _value_set(binding)
            elif code == "code":
                element.binding = _most(binding)
            if element.binding:
                element.flags |= REQUIRED_BINDING
            entries.append(element)
        return entries

    @staticmethod
    def _flags(raw, code):
        flags = 0
        if raw.get("isSummary"):
            flags |= SUMMARY
        if raw.get("isModifier"):
            flags |= MODIFIER
        if "xmlAttr" in raw.get("representation", ()):
            flags |= XMLATTR
        if code == "Resource":
            flags |= RESOURCE
        return flags

    def _targets(self, raw, code):
        """Resource types that a Reference or canonical may point at; empty: any."""
        if code not in ("Reference", "canonical"):
            return []
        targets = set()
        for entry in raw["type"]:
            if entry.get("code") != code:
                continue
            profiles = entry.get("targetProfile", [] if code == "canonical" else entry.get("profile", []))
            for profile in profiles:
                name = self.profile_types.get(profile) or profile.rpartition("/")[2]
                if name == "Resource":
                    return []
                targets.add(name)
        return sorted(targets)


def _is_constraint(definition):
    """Profiles of Quantity (SimpleQuantity, DSTU2's Age): their JSON names are those of Quantity."""
    if definition["name"] in PRIMITIVES:
        return False
    return definition.get("derivation") == "constraint" or "constrainedType" in definition


def _base_path(raw):
    return raw.get("base", {}).get("path", raw["path"])


def _type_codes(raw):
    codes = []
    for entry in raw["type"]:
        code = entry.get("code", "")
        for extension in entry.get("extension", ()):
            if extension["url"] == FHIR_TYPE:
                code = extension.get("valueUrl") or extension.get("valueUri")
        code = {SYSTEM_STRING: "string"}.get(code, code)
        if code and code not in codes:
            codes.append(code)
    return codes


def _most(binding):
    """The value set that codes must not leave where the binding's own is a preference."""
    for extension in binding.get("extension", ()):
        if extension["url"] == MAX_VALUE_SET:
            return extension["valueCanonical"].partition("|")[0]
    return ""


def _value_set(binding):
    reference = binding.get("valueSet") or binding.get("valueSetUri") or ""
    reference = reference or binding.get("valueSetReference", {}).get("reference", "")
    return reference.partition("|")[0]

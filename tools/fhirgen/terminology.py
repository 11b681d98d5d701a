# SPDX-License-Identifier: Apache-2.0
"""Value sets expanded to codes, from what the definitions hold.

A set is open (None) when its content is not all here: UCUM, SNOMED CT, MIME types, currencies.
"""


class Terminology:
    def __init__(self, definitions):
        self.value_sets = {}
        self.systems = {}  # URL: {code: Concept}, in order
        self.about = {}  # URL of a system: (name, version)
        for resource in definitions.terminology:
            if resource["resourceType"] == "ValueSet":
                self.value_sets[resource["url"]] = resource
                if "codeSystem" in resource:  # DSTU2 defines code systems inside of value sets
                    inline = resource["codeSystem"]
                    self._add_system(inline["system"], inline.get("concept", ()))
            elif resource.get("content") == "complete":
                self.add_resource(resource)

    def add_resource(self, resource):
        """A CodeSystem that has all its codes; a later one of the same URL replaces it."""
        self.systems.pop(resource["url"], None)
        self.about[resource["url"]] = resource.get("title") or resource["name"], resource.get("version", "")
        self._add_system(resource["url"], resource.get("concept", ()))

    def _add_system(self, url, concepts):
        system = self.systems.setdefault(url, {})

        def walk(concepts, parents):
            for raw in concepts:
                above = parents | _listed_parents(raw)
                known = system.setdefault(raw["code"], Concept(url, raw))
                known.parents |= above
                walk(raw.get("concept", ()), {raw["code"]})

        walk(concepts, set())

    def expand(self, url):
        """Codes of a value set as sorted (code, system, display), or None when it is open."""
        found = self._codes(url, frozenset())
        if found is None:
            return None
        return sorted((c.code, c.system, c.display) for c in found.values())

    def system(self, url):
        """The one system of a value set, open or not; "" if it has several."""
        resource = self.value_sets.get(url, {})
        systems = {part.get("system", "") for part in resource.get("compose", {}).get("include", ())}
        if "codeSystem" in resource:
            systems.add(resource["codeSystem"]["system"])
        return systems.pop() if len(systems) == 1 else ""

    def _codes(self, url, visiting):
        resource = self.value_sets.get(url)
        if resource is None or url in visiting:
            return None
        visiting = visiting | {url}
        found = {}
        if "codeSystem" in resource:
            found.update(_keyed(self.systems[resource["codeSystem"]["system"]].values()))
        compose = resource.get("compose", {})
        for imported in compose.get("import", ()):
            codes = self._codes(imported, visiting)
            if codes is None:
                return None
            found.update(codes)
        for include in compose.get("include", ()):
            codes = self._component(include, visiting)
            if codes is None:
                return None
            found.update(codes)
        for exclude in compose.get("exclude", ()):
            codes = self._component(exclude, visiting)
            if codes is None:
                return None
            for key in codes:
                found.pop(key, None)
        return found or None

    def _component(self, component, visiting):
        """Codes of one include or exclude: those of its system that are in all its value sets."""
        sets = []
        for url in component.get("valueSet", ()):
            codes = self._codes(url.partition("|")[0], visiting)
            if codes is None:
                return None
            sets.append(codes)
        if "system" in component:
            codes = self._system_part(component)
            if codes is None:
                return None
            sets.append(codes)
        keys = set.intersection(*(set(s) for s in sets)) if sets else set()
        return {key: value for key, value in sets[0].items() if key in keys} if sets else None

    def _system_part(self, component):
        url = component["system"]
        known = self.systems.get(url)
        if "concept" in component:
            names = known or {}
            return _keyed(
                Concept(url, {"display": names[raw["code"]].display if raw["code"] in names else "", **raw})
                for raw in component["concept"]
            )
        if known is None:
            return None
        chosen = [c for c in known.values() if not c.abstract or "filter" in component]
        for rule in component.get("filter", ()):
            test = _filter(rule, known)
            if test is None:
                return None
            chosen = [c for c in chosen if test(c)]
        return _keyed(chosen)


class Concept:
    def __init__(self, system, raw):
        self.system = system
        self.code = raw["code"]
        self.display = raw.get("display", "")
        self.properties = {p["code"]: str(_property(p)) for p in raw.get("property", ())}
        self.abstract = raw.get("abstract", False) or any(
            p.get("code") == "notSelectable" and p.get("valueBoolean") for p in raw.get("property", ())
        )
        self.parents = set()


def _property(raw):
    return next(value for key, value in raw.items() if key.startswith("value"))


def _listed_parents(raw):
    return {p["valueCode"] for p in raw.get("property", ()) if p.get("code") in ("subsumedBy", "parent")}


def _keyed(concepts):
    return {(c.system, c.code): c for c in concepts}


def _filter(rule, known):
    """A test for the hierarchical filters; None for a filter that needs more than the hierarchy."""

    def below(concept):
        above, waiting = set(), list(concept.parents)
        while waiting:
            parent = waiting.pop()
            if parent not in above:
                above.add(parent)
                waiting += known[parent].parents if parent in known else ()
        return rule["value"] in above

    if rule["op"] == "is-a" and rule["property"] in ("concept", "code"):
        return lambda concept: concept.code == rule["value"] or below(concept)
    if rule["op"] == "descendent-of":
        return below
    if rule["op"] == "is-not-a":
        return lambda concept: not (concept.code == rule["value"] or below(concept))
    if any(rule["property"] in concept.properties for concept in known.values()):
        if rule["op"] == "=":
            return lambda concept: concept.properties.get(rule["property"]) == rule["value"]
        if rule["op"] == "in":
            return lambda concept: concept.properties.get(rule["property"]) in rule["value"].split(",")
    return None

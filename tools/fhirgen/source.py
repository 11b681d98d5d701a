# SPDX-License-Identifier: Apache-2.0
"""Reading HL7's definition files: Bundles (plain or gzip) and FHIR packages (tgz).

Knows files and folders; what the resources mean is the business of the other modules.
"""

import gzip
import json
import os
import tarfile

# Oldest first: the newest package that defines a search parameter wins.
US_CORE_PACKAGES = ("311", "400", "501", "610", "700", "800")


def read_json(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as stream:
        return json.load(stream)


def bundle(folder, name):
    """The resources of a definitions Bundle, in its order."""
    return [entry["resource"] for entry in read_json(os.path.join(folder, name + ".json.gz"))["entry"]]


def package(path, resource_type):
    """The resources of one type of a FHIR package, examples left out, sorted by URL."""
    found = []
    with tarfile.open(path) as archive:
        for member in archive:
            folder, _, name = member.name.rpartition("/")
            if folder != "package" or not name.startswith(resource_type) or not name.endswith(".json"):
                continue
            resource = json.load(archive.extractfile(member))
            if resource.get("resourceType") == resource_type:
                found.append(resource)
    return sorted(found, key=lambda resource: resource["url"])


def is_extension(definition):
    return "Extension" in (definition.get("type"), definition.get("constrainedType"))


class Definitions:
    """All that the generator reads of one FHIR version, by kind."""

    def __init__(self, folder, version):
        self.folder = os.path.join(folder, version, "definitions")
        self.structures = [
            resource
            for name in ("profiles-types", "profiles-resources")
            for resource in bundle(self.folder, name)
            if resource["resourceType"] == "StructureDefinition"
        ]
        self.profiles = [
            resource
            for name in ("profiles-others", "extension-definitions")
            for resource in bundle(self.folder, name)
        ]
        self.search = bundle(self.folder, "search-parameters")
        self.terminology = [
            resource
            for name in ("valuesets", "v3-codesystems", "v2-tables")
            for resource in bundle(self.folder, name)
        ]
        self.compartments = []


def r4(folder):
    definitions = Definitions(folder, "r4")
    definitions.search += bundle(definitions.folder, "search-parameters-extensions")
    definitions.compartments = [
        read_json(os.path.join(definitions.folder, "compartmentdefinition-%s.json" % focus))
        for focus in ("device", "encounter", "patient", "practitioner", "relatedPerson")
    ]
    return definitions


def dstu2(folder):
    return Definitions(folder, "dstu2")


def us_core_profiles(folder):
    """Lists of (version, profiles and terminology) of the US Core packages, oldest first."""
    found = []
    for release in US_CORE_PACKAGES:
        path = os.path.join(folder, "us-core", "us_core_%s.tgz" % release)
        resources = [r for kind in ("StructureDefinition", "ValueSet", "CodeSystem") for r in package(path, kind)]
        found.append((".".join(release), resources))
    return found


def us_core_search(folder):
    """Search parameters of all US Core packages, oldest package first."""
    found = []
    for release in US_CORE_PACKAGES:
        path = os.path.join(folder, "us-core", "us_core_%s.tgz" % release)
        found += package(path, "SearchParameter")
    return found


def us_core_requirements(folder):
    """Lists of (version, CapabilityStatement of a server, search parameters), oldest first."""
    found = []
    for release in US_CORE_PACKAGES:
        path = os.path.join(folder, "us-core", "us_core_%s.tgz" % release)
        (server,) = (s for s in package(path, "CapabilityStatement") if s["id"] == "us-core-server")
        found.append((".".join(release), server, package(path, "SearchParameter")))
    return found


def us_core_extensions(folder):
    """Extension definitions of the US Core packages by URL; the newest package wins."""
    found = {}
    for release in US_CORE_PACKAGES:
        path = os.path.join(folder, "us-core", "us_core_%s.tgz" % release)
        for resource in package(path, "StructureDefinition"):
            if is_extension(resource):
                found[resource["url"]] = resource
    return found

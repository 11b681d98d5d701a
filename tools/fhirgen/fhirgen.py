#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the FHIR tables of mod_fhir/model and the DDL of sql/ from HL7's definitions.

Run by developers when the definitions or this generator change; the results are committed. The
output is a function of the input alone: the same definitions give the same bytes.
"""

import argparse
import os

import compartments
import emit
import source
from columns import TypeColumns
from params import Params
from programs import Programs
from structure import Structure
from tables import Tables
from terminology import Terminology


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fhir", required=True, metavar="DIR", help="folder with r4/, dstu2/ and us-core/")
    parser.add_argument("--out", required=True, metavar="DIR", help="root of the source tree to write into")
    return parser.parse_args()


class Version:
    """All that is made of one FHIR version."""

    def __init__(self, definitions, version, label, us_core=(), us_extensions=None, stored=True):
        self.structure = Structure(definitions)
        terminology = Terminology(definitions)
        self.tables = Tables(version, label, self.structure, terminology)
        extensions = {p["url"]: p for p in definitions.profiles if "Extension" in (p.get("type"), p.get("constrainedType"))}
        extensions.update(us_extensions or {})
        self.params = Params(self.structure, definitions.search, extensions, us_core)
        self.compartments = compartments.members(definitions.compartments)
        patients = self.compartments.get("Patient", {})
        self.plans = {
            name: TypeColumns(name, self.params.of[name], patients.get(name), stored) for name in self.structure.resources
        }
        self.programs = Programs(self.tables, self.plans, terminology)
        compartments.add_rows(self.tables, self.compartments, self.plans, self.programs)


def write(version, folder, name):
    version.tables.finish(version.programs)
    emit.write_model(os.path.join(folder, name + ".c"), name, version.tables)


def main():
    options = arguments()
    folder = os.path.join(options.out, "mod_fhir", "model")
    os.makedirs(folder, exist_ok=True)
    r4 = Version(
        source.r4(options.fhir),
        "4.0.1",
        "R4",
        source.us_core_search(options.fhir),
        source.us_core_extensions(options.fhir),
    )
    write(r4, folder, "fhir_model_r4")
    dstu2 = Version(source.dstu2(options.fhir), "1.0.2", "DSTU2", stored=False)
    write(dstu2, folder, "fhir_model_dstu2")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the FHIR tables of mod_fhir/model, the DDL of sql/ and US Core's demands for the tests from HL7's definitions.

Run by developers when the definitions or this generator change; the results are committed. The
output is a function of the input alone: the same definitions give the same bytes.
"""

import argparse
import os

import compartments
import emit
import report
import shorts
import source
from columns import TypeColumns
from ddl import Ddl
from indexes import Indexes
from params import Params
from profiles import Profiles
from programs import Programs
from requirements import Requirements
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
        self.definitions = definitions
        self.structure = Structure(definitions)
        terminology = Terminology(definitions)
        self.tables = Tables(version, label, self.structure, terminology)
        extensions = {p["url"]: p for p in definitions.profiles if source.is_extension(p)}
        extensions.update(us_extensions or {})
        self.params = Params(self.structure, definitions.search, extensions, us_core)
        self.compartments = compartments.members(definitions.compartments)
        patients = self.compartments.get("Patient", {})
        self.plans = {
            name: TypeColumns(name, self.params.of[name], patients.get(name), stored)
            for name in self.structure.resources
        }
        self.programs = Programs(self.tables, self.plans, terminology)
        compartments.add_rows(self.tables, self.compartments, self.plans, self.programs)


def write(version, path):
    name = os.path.basename(path).rpartition(".")[0]
    version.tables.finish(version.programs)
    emit.write_model(path, name, version.tables)


def main():
    options = arguments()
    r4 = Version(
        source.r4(options.fhir),
        "4.0.1",
        "R4",
        source.us_core_search(options.fhir),
        source.us_core_extensions(options.fhir),
    )
    profiles = Profiles(r4.tables, r4.definitions, source.us_core_profiles(options.fhir))
    profiles.finish()
    dstu2 = Version(source.dstu2(options.fhir), "1.0.2", "DSTU2", stored=False)
    ddl = Ddl(r4, "R4 (4.0.1)")
    r4.tables.schema_fingerprint = ddl.fingerprint
    indexes = Indexes(r4, ddl)
    r4.programs.mark_columns(indexes.marks)
    requirements = Requirements(source.us_core_requirements(options.fhir))
    for folder in ("docs", "mod_fhir/model", "sql", "t"):
        os.makedirs(os.path.join(options.out, folder), exist_ok=True)
    write(r4, os.path.join(options.out, "mod_fhir/model/fhir_model_r4.c"))
    write(dstu2, os.path.join(options.out, "mod_fhir/model/fhir_model_dstu2.c"))
    path = os.path.join(options.out, "mod_fhir/model/fhir_profiles_r4.c")
    emit.write_profiles(path, "fhir_profiles_r4", "R4 and US Core", profiles)
    emit.write_requirements(os.path.join(options.out, "mod_fhir/model/fhir_uscore_r4.c"), requirements)
    with open(os.path.join(options.out, "t/us-core.tsv"), "w", encoding="ascii", newline="\n") as out:
        out.writelines(requirements.lines())
    path = os.path.join(options.out, "mod_fhir/model/fhir_short_table.h")
    with open(path, "w", encoding="ascii", newline="\n") as out:
        out.write(shorts.c_text())
    with open(os.path.join(options.out, "sql/001-r4-tables.sql"), "w", encoding="ascii", newline="\n") as out:
        out.write(ddl.text)
    with open(os.path.join(options.out, "sql/practice.sql"), "w", encoding="ascii", newline="\n") as out:
        out.write(indexes.text)
    listed = os.path.join(options.out, "docs/search-parameters-uncompiled.md")
    report.write(listed, [("R4 with US Core", r4), ("DSTU2", dstu2)])


if __name__ == "__main__":
    main()

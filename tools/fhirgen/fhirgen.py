#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the FHIR tables of mod_fhir/model and the DDL of sql/ from HL7's definitions.

Run by developers when the definitions or this generator change; the results are committed. The
output is a function of the input alone: the same definitions give the same bytes.
"""

import argparse
import os

import emit
import source
from structure import Structure
from tables import Tables
from terminology import Terminology


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fhir", required=True, metavar="DIR", help="folder with r4/, dstu2/ and us-core/")
    parser.add_argument("--out", required=True, metavar="DIR", help="root of the source tree to write into")
    return parser.parse_args()


def build(definitions, version, label):
    structure = Structure(definitions)
    tables = Tables(version, label, structure, Terminology(definitions))
    tables.finish()
    return tables


def main():
    options = arguments()
    folder = os.path.join(options.out, "mod_fhir", "model")
    os.makedirs(folder, exist_ok=True)
    r4 = build(source.r4(options.fhir), "4.0.1", "R4")
    emit.write_model(os.path.join(folder, "fhir_model_r4.c"), "fhir_model_r4", r4)
    dstu2 = build(source.dstu2(options.fhir), "1.0.2", "DSTU2")
    emit.write_model(os.path.join(folder, "fhir_model_dstu2.c"), "fhir_model_dstu2", dstu2)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""The rows of the C tables of mod_fhir/model/fhir_model.h, in the order of its structs.

A row is a tuple of integers and strings; strings become offsets into the pool when written.
"""

from pool import Runs, Strings
from structure import ABSTRACT, PRIMITIVES

KINDS = {name: "FHIR_KIND_" + name for name in ("PRIMITIVE", "COMPLEX", "BACKBONE", "RESOURCE")}
VS_OPEN = 1


def element_hash(owner, name):
    """FNV-1a, started with the owner's index; the same as in fhir_model.c."""
    value = 2166136261 ^ owner
    for byte in name.encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value ^ (value >> 15)


class Enum(str):
    """A C constant: written as it is, not put into the pool."""


class Tables:
    def __init__(self, version, label, structure, terminology):
        self.version, self.label = version, label
        self.structure = structure
        self.schema_fingerprint = ""  # of the DDL; empty where a version has no tables
        self.strings = Strings()
        self.targets = Runs()
        self.components = Runs()
        self.type_index = {t.name: i for i, t in enumerate(structure.order, 1)}
        self.types = [(0,) * 14]
        self.elements = [(0,) * 10]
        self.valuesets = [(0, 0, 0, VS_OPEN)]  # no binding: any code passes
        self.codes = [(0,) * 3]
        self.params = [(0,) * 15]
        self.columns = [(0,) * 4]
        self.xnodes = [(0,) * 6]
        self.xemits = [(0,) * 4]
        self.guards = [(0,) * 4]
        self.compartments = [(0,) * 4]
        self.type_names = [""]
        self._add_valuesets(terminology)
        self._add_elements()

    def _add_valuesets(self, terminology):
        urls = sorted({e.binding for t in self.structure.order for e in t.elements if e.binding})
        self.valueset_index = {url: i for i, url in enumerate(urls, 1)}
        for url in urls:
            codes = terminology.expand(url)
            first = len(self.codes) if codes else 0
            self.codes += codes or ()
            self.valuesets.append((url, first, len(codes or ()), 0 if codes else VS_OPEN))

    def _add_elements(self):
        self.spans = {}
        for t in self.structure.order:
            first = len(self.elements)
            for e in t.elements:
                self.elements.append(self._element(t, e))
            self.spans[t.name] = (first if t.elements else 0, len(t.elements))
        self.element_slots = self._hashed()

    def _hashed(self):
        """Element indexes by hash of owner and name: open addressing, at most two thirds full."""
        size = 1 << (len(self.elements) * 3 // 2).bit_length()
        slots = [0] * size
        for index, row in enumerate(self.elements[1:], 1):
            at = element_hash(row[-1], row[0]) % size
            while slots[at]:
                at = (at + 1) % size
            slots[at] = index
        return slots

    def _element(self, owner, e):
        targets = [self.type_index[name] for name in e.targets]
        return (
            e.name,
            e.group,
            self.type_index[e.type],
            e.min,
            e.max,
            self.targets.add(targets),
            len(targets),
            self.valueset_index.get(e.binding, 0),
            e.flags,
            self.type_index[owner.name],
        )

    def finish(self, programs=None):
        """Adds the types, once all that they refer to is known, and fixes the pool."""
        for t in self.structure.order:
            search = programs.of(t.name) if programs else (0,) * 7
            prim = "FHIR_PRIM_" + t.name.upper().replace("BASE64BINARY", "BASE64") if t.name in PRIMITIVES else 0
            self.types.append(
                (
                    t.name,
                    self.type_index.get(t.base, 0),
                    *self.spans[t.name],
                    *search,
                    Enum(KINDS[t.kind]),
                    Enum(prim) if prim else 0,
                    ABSTRACT if t.abstract else 0,
                )
            )
        for rows in self.all().values():
            for row in rows:
                for value in row if isinstance(row, tuple) else ():
                    if isinstance(value, str) and not isinstance(value, Enum):
                        self.strings.add(value)
        self.strings.freeze()

    def all(self):
        """Every table by the name of its member in fhir_model_t."""
        return {
            "types": self.types,
            "elements": self.elements,
            "element_slots": self.element_slots,
            "targets": self.targets.values,
            "params": self.params,
            "components": self.components.values,
            "columns": self.columns,
            "xnodes": self.xnodes,
            "xemits": self.xemits,
            "guards": self.guards,
            "compartments": self.compartments,
            "valuesets": self.valuesets,
            "codes": self.codes,
        }

# SPDX-License-Identifier: Apache-2.0
"""How search values are stored: the kind of each parameter's column, which parameters share one,
and the physical columns of a table in order. docs/schema.md describes the result.
"""

import re

from paths import RESOLVE_IS, Step

# Physical columns by kind: suffix and SQL type.
QUANTITY_PARTS = ("_system", "_code", "_unit")
PHYSICAL = {
    "CODE": [("", "TEXT")],
    "TOKENS": [("", "TEXT_ARRAY")],
    "REFERENCE": [("", "TEXT")],
    "REFERENCES": [("", "TEXT_ARRAY")],
    "DATE": [("_low", "TIMESTAMPTZ"), ("_high", "TIMESTAMPTZ")],
    "DATES": [("_low", "TIMESTAMPTZ_ARRAY"), ("_high", "TIMESTAMPTZ_ARRAY")],
    "NUMBER": [("_low", "NUMERIC"), ("_high", "NUMERIC")],
    "NUMBERS": [("_low", "NUMERIC_ARRAY"), ("_high", "NUMERIC_ARRAY")],
    "QUANTITY": [("_low", "NUMERIC"), ("_high", "NUMERIC")] + [(p, "TEXT") for p in QUANTITY_PARTS],
    "QUANTITIES": [("_low", "NUMERIC_ARRAY"), ("_high", "NUMERIC_ARRAY")] + [(p, "TEXT_ARRAY") for p in QUANTITY_PARTS],
    "STRING": [("", "TEXT"), ("_exact", "TEXT_ARRAY")],
    "URI": [("", "TEXT")],
    "URIS": [("", "TEXT_ARRAY")],
    "COMPOSITE": [("", "JSONB")],
    "POSITION": [("_latitude", "DOUBLE"), ("_longitude", "DOUBLE")],
}
SINGLE_PLURAL = {
    "reference": ("REFERENCE", "REFERENCES"),
    "date": ("DATE", "DATES"),
    "number": ("NUMBER", "NUMBERS"),
    "quantity": ("QUANTITY", "QUANTITIES"),
    "string": ("STRING", "STRING"),
    "uri": ("URI", "URIS"),
    "special": ("POSITION", "POSITION"),
}
FIXED_WIDTH = ("TIMESTAMPTZ", "DOUBLE")
OWN_COLUMNS = {"_id": "ID", "_lastUpdated": "UPDATED"}
FIXED = ("id", "version", "last_updated", "resource", "patient", "patient_date")

# Which date orders a patient's rows: the first of these that the type has as a single value, else
# its first single date by name.
MAIN_DATES = (
    "date authoredon authored authored-on recorded-date onset-date effective-time whenhandedover period "
    "issued created sent received started start-date"
).split()

NO_MAIN_DATES = ("birthdate", "death-date")


class Column:
    """The columns of one or more parameters with the same values."""

    def __init__(self, base, kind, param):
        self.base, self.kind, self.param = base, kind, param
        self.physical = [(base + suffix, sql) for suffix, sql in PHYSICAL[kind]]
        self.index = self.identifier_index = 0  # in the model's columns, set when laid out
        self.has_identifier = any(conv == "REFERENCE" for _, conv in param.reaches)
        if self.has_identifier:
            self.physical.append((base + "_identifier", "TEXT_ARRAY"))

    @property
    def fixed_width(self):
        return self.physical[0][1] in FIXED_WIDTH


class TypeColumns:
    """The storage of one resource type: decides for each of its parameters."""

    def __init__(self, type_name, params, in_compartment, stored=True):
        self.type = type_name
        self.params = params  # Params by name
        self.columns = []
        self.taken = set(FIXED)
        self.by_values = {}
        for param in params.values():
            param.column = None
            param.typed = param.union = param.root_composite = False
            param.column_kind = (OWN_COLUMNS.get(param.name) or _kind(param)) if stored else "NONE"
        self.patient = self.patient_date = None
        if stored:
            self._store_all(in_compartment)

    def _store_all(self, in_compartment):
        params = self.params
        stored = [p for p in params.values() if p.reaches and p.name not in OWN_COLUMNS]
        for param in sorted(stored, key=_owner_order):
            self._store(param, stored)
        for param in params.values():
            if param.kind == "composite" and not param.reason:
                self._composite(param)
        self._find_patient(in_compartment)
        self.columns.sort(key=lambda c: (not c.fixed_width, c.base))

    def _store(self, param, stored):
        values = (param.column_kind, _key(param))
        if values not in self.by_values:
            plain = _without_type(param)
            partner = self.by_values.get((param.column_kind, frozenset(plain)))
            if partner and plain != _values(param.reaches):
                param.typed, param.column = True, partner
                return
            union = _union(param, plain, stored)
            if union:
                param.union, param.components = True, union
                param.typed = plain != _values(param.reaches)
                param.column_kind = "NONE"
                return
            self.by_values[values] = self._new_column(param, param.column_kind)
        param.column = self.by_values[values]

    def _new_column(self, param, kind):
        base = _snake(param.name)
        column = Column(base, kind, param)
        if self._clashes(column):
            column = Column("%s_%s" % (base, param.kind), kind, param)
        if self._clashes(column):
            raise ValueError("%s: no free name for column %s" % (self.type, column.base))
        self.taken |= {column.base} | {name for name, _ in column.physical}
        self.columns.append(column)
        return column

    def _clashes(self, column):
        return any(name in self.taken for name, _ in column.physical) or column.base in self.taken

    def _composite(self, param):
        roots = [not context.steps for context in param.contexts]
        if all(roots):
            param.root_composite = True
            param.column_kind = "NONE"
            param.components = [self._root_component(param, i) for i in range(len(param.components))]
        elif any(roots):
            self._composite_union(param)
        else:
            param.column_kind = "COMPOSITE"
            param.column = self._new_column(param, "COMPOSITE")

    def _root_component(self, param, index):
        """The parameter with the component's values. The component's own definition also does when
        it finds all of them and more: value-string has the text of concepts too.
        """
        wanted = param.component_reaches[0][index]
        definition = param.components[index]
        for other in [definition, *self.params.values()]:
            if other.column and other.kind == definition.kind and frozenset(_values(wanted)) == _key(other):
                return other
        if definition.column and frozenset(_values(wanted)) <= _key(definition):
            return definition
        raise ValueError("%s.%s: no column for component %d" % (self.type, param.name, index + 1))

    def _composite_union(self, param):
        """Contexts on the resource and below it: other composites of the type, one for each."""
        found = []
        for context, reaches in zip(param.contexts, param.component_reaches):
            found += [
                other
                for other in self.params.values()
                if other is not param
                and other.kind == "composite"
                and not other.reason
                and [c.steps for c in other.contexts] == [context.steps]
                and _sets(other.component_reaches[0]) == _sets(reaches)
            ][:1]
        if len(found) != len(param.contexts):
            raise ValueError("%s.%s: a context has no composite of its own" % (self.type, param.name))
        param.union, param.components, param.column_kind = True, found, "NONE"

    def _find_patient(self, in_compartment):
        """The single parameter that says which patient a record is about, and its main date."""
        if self.type == "Patient":
            return
        names = ["patient"] + [name for name in in_compartment or () if name != "patient"]
        for param in (self.params[name] for name in names if name in self.params):
            if param.column_kind == "REFERENCE" and (not param.targets or "Patient" in param.targets):
                self.patient = param
                break
        dates = [
            p
            for p in self.params.values()
            if p.column_kind == "DATE" and not p.inherited and p.name not in NO_MAIN_DATES
        ]
        order = {name: i for i, name in enumerate(MAIN_DATES)}
        dates.sort(key=lambda p: (order.get(p.name, len(order)), p.name))
        if self.patient and dates:
            self.patient_date = dates[0]


def _snake(name):
    """Column name of a parameter; the inherited ones are of Resource.meta."""
    name = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower().replace("-", "_")
    return "meta" + name if name.startswith("_") else name


def _owner_order(param):
    """Who of those that share a column gives it its name; unions come behind what they unite."""
    typed = any(g[0] == RESOLVE_IS for r, _ in param.reaches for g in r.steps[-1].guards)
    slots = {r.slot for r, _ in param.reaches}
    own_name = param.reaches[0][0].slot[-1].lower() == param.name.replace("-", "")
    return (typed, len(slots), param.us_core, not own_name, param.name)


def _kind(param):
    if not param.reaches:
        return "NONE"
    plural = any(r.plural for r, _ in param.reaches) or len({r.slot for r, _ in param.reaches}) > 1
    if param.kind == "token":
        return "CODE" if not plural and {c for _, c in param.reaches} <= {"CODE", "EXISTS"} else "TOKENS"
    return SINGLE_PLURAL[param.kind][plural]


def _values(reaches):
    return [(r.steps, conv) for r, conv in reaches]


def _sets(components):
    return [frozenset(_values(reaches)) for reaches in components]


def _key(param):
    return frozenset(_values(param.reaches))


def _without_type(param):
    """The values without resolve() is T, when all have it."""
    plain = []
    for reach, conv in param.reaches:
        last = reach.steps[-1]
        kept = tuple(g for g in last.guards if g[0] != RESOLVE_IS)
        if kept == last.guards:
            return _values(param.reaches)
        plain.append((reach.steps[:-1] + (Step(last.name, kept),), conv))
    return plain


def _union(param, plain, stored):
    """Parameters of the same kind whose values together are those of param; [] if there are none."""
    if len({r.slot for r, _ in param.reaches}) < 2:
        return []
    wanted = set(plain)
    parts = [
        p
        for p in stored
        if p is not param and p.column and not p.typed and p.kind == param.kind and _key(p) < wanted
    ]
    parts.sort(key=lambda p: (-len(p.reaches), p.name))
    chosen, covered = [], set()
    for part in parts:
        if not _key(part) <= covered:
            chosen.append(part)
            covered |= _key(part)
    return sorted(chosen, key=lambda p: p.name) if covered == wanted else []

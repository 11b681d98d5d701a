# SPDX-License-Identifier: Apache-2.0
"""Extraction programs: the reaches of all stored parameters of a type merged into one trie."""

from tables import Enum

# FHIR_PARAM_… by the member of Param that sets it.
FLAGS = (
    (0x01, "us_core"),
    (0x02, "inherited"),
    (0x04, "union"),
    (0x08, "root_composite"),
    (0x10, "reason"),
    (0x20, "typed"),
    (0x40, "words"),
    (0x80, "contacts"),
    (0x100, "inside"),
)


class TrieNode:
    def __init__(self, name=""):
        self.name = name
        self.children = {}  # by (name, guard)
        self.emits = []

    def child(self, name, guard):
        return self.children.setdefault((name, guard), TrieNode(name))


class Programs:
    """Adds params, columns, tries and guards of all types to the tables."""

    def __init__(self, tables, plans, terminology):
        self.tables = tables
        self.plans = plans  # TypeColumns by type name
        self.terminology = terminology
        self.guards = {}
        self.index = {}  # of Params, by identity
        self.search = {}
        every = [p for plan in plans.values() for p in plan.params.values()]
        for i, param in enumerate(every, 1):
            self.index[id(param)] = i
        for plan in plans.values():
            self._add_type(plan)
        for param in every:
            tables.params.append(self._row(param))

    def of(self, type_name):
        """Members first_param … patient_date of a type."""
        return self.search.get(type_name, (0,) * 7)

    def mark_columns(self, marks):
        """Says of physical columns which index they are in: marks by column and number (indexes.py)."""
        columns = self.tables.columns
        for plan in self.plans.values():
            for column in plan.columns:
                for number in range(len(column.physical)):
                    row = columns[column.index + number]
                    columns[column.index + number] = (*row[:3], Enum(marks.get((id(column), number), "0")))

    def _lay_out(self, plan):
        """Rows of the physical columns, in the order of the table; the first one and their number."""
        columns = self.tables.columns
        first = len(columns)
        if plan.patient:
            columns.append(("patient", 0, Enum("FHIR_SQL_TEXT"), 0))
            columns.append(("patient_date", 0, Enum("FHIR_SQL_TIMESTAMPTZ"), 0))
        for column in plan.columns:
            column.index = len(columns)
            column.identifier_index = len(columns) + len(column.physical) - 1 if column.has_identifier else 0
            owner = self.index[id(column.param)]
            columns += [(name, owner, Enum("FHIR_SQL_" + sql), 0) for name, sql in column.physical]
        count = len(columns) - first
        return first if count else 0, count

    def _add_type(self, plan):
        columns = self._lay_out(plan)
        root = TrieNode()
        for column in plan.columns:
            param = column.param
            if param.kind == "composite":
                self._add_composite(root, param)
            for reach, conv in param.reaches:
                self._add(root, reach, (self.index[id(param)], conv, 0))
        params = [self.index[id(p)] for p in plan.params.values()]
        self.search[plan.type] = (
            params[0] if params else 0,
            len(params),
            *columns,
            self._place(root),
            self.index[id(plan.patient)] if plan.patient else 0,
            self.index[id(plan.patient_date)] if plan.patient_date else 0,
        )

    def _add_composite(self, root, param):
        for context, components in zip(param.contexts, param.component_reaches):
            inner = TrieNode()
            for component, reaches in zip(param.components, components):
                for reach, conv in reaches:
                    self._add(inner, reach, (self.index[id(component)], conv, 0))
            self._add(root, context, (self.index[id(param)], "COMPOSITE", self._place(inner)))

    def _add(self, root, reach, emit):
        """Conditions on the last step go with the emit, so that its node is shared; others are nodes'."""
        node = root
        for step in reach.steps[:-1]:
            node = node.child(step.name, self._guard(step.guards))
        last = reach.steps[-1]
        node = node.child(last.name, self._guard(last.guards[:-1]))
        param, conv, xroot = emit
        node.emits.append((param, self._guard(last.guards[-1:]), xroot, Enum("FHIR_CONV_" + conv)))

    def _guard(self, guards):
        if not guards:
            return 0
        if len(guards) > 1:
            raise ValueError("two conditions on an inner step: %r" % (guards,))
        kind, name, value, argument = guards[0]
        if isinstance(argument, str):
            argument = self.tables.type_index[argument] if argument else 0
        row = (name, value, argument, Enum(kind))
        if row not in self.guards:
            self.guards[row] = len(self.tables.guards)
            self.tables.guards.append(row)
        return self.guards[row]

    def _place(self, root):
        """Rows of a trie, the children of a node side by side; returns the root's index, 0 if empty."""
        if not root.children:
            return 0
        nodes = self.tables.xnodes
        first = len(nodes)
        nodes.append(None)
        waiting = [(first, root, 0)]
        for at, node, guard in waiting:
            ordered = sorted(node.children.items(), key=lambda kv: (kv[0][0].encode(), kv[0][1]))
            begin = len(nodes)
            nodes += [None] * len(ordered)
            waiting += [(begin + i, child, key[1]) for i, (key, child) in enumerate(ordered)]
            emit = len(self.tables.xemits)
            self.tables.xemits += node.emits
            nodes[at] = (
                node.name,
                begin if ordered else 0,
                len(ordered),
                emit if node.emits else 0,
                len(node.emits),
                guard,
            )
        return first

    def _row(self, param):
        tables, column = self.tables, param.column
        targets = [tables.type_index[name] for name in param.targets]
        components = [self.index[id(c)] for c in param.components]
        flags = sum(bit for bit, member in FLAGS if getattr(param, member))
        return (
            param.name,
            param.url,
            param.expression,
            column.base if column else "",
            self._system(param),
            tables.type_index[param.type],
            column.index if column else 0,
            tables.targets.add(targets),
            len(targets),
            tables.components.add(components),
            len(components),
            column.identifier_index if column else 0,
            Enum("FHIR_PARAM_" + param.kind.upper()),
            Enum("FHIR_COL_" + param.column_kind),
            flags,
        )

    def _system(self, param):
        """The system that all primitive codes of a token parameter have by their bindings."""
        if param.kind != "token":
            return ""
        systems = {
            self.terminology.system(r.element.binding) if r.element and r.element.binding else ""
            for r, conv in param.reaches
            if conv == "CODE"
        }
        return systems.pop() if len(systems) == 1 else ""

# SPDX-License-Identifier: Apache-2.0
"""What a FHIRPath expression reaches in a type: paths of JSON member names with conditions.

An expression is evaluated against the structure, not against data: each value that it can yield
becomes one Reach. Whatever has no such form raises CannotCompile, with the reason for the report.
"""

import re
from dataclasses import dataclass, replace

from fhirpath import branches

# Guards: fhir_guard_kind_t with name, value, type.
MEMBER_IS, RESOLVE_IS, INDEX, RESOURCE_IS, HAS_EXTENSION = (
    "FHIR_GUARD_" + name for name in ("MEMBER_IS", "RESOLVE_IS", "INDEX", "RESOURCE_IS", "HAS_EXTENSION")
)
RESOURCE = "%resource"  # a step from a composite's repetition back to the resource


class CannotCompile(ValueError):
    pass


@dataclass(frozen=True)
class Step:
    name: str
    guards: tuple = ()


@dataclass(frozen=True)
class Reach:
    steps: tuple  # of Step; empty: the resource, or the repetition of a composite
    type: str
    plural: bool = False
    slot: tuple = ()  # like the steps, but with the base name of choices: equal slots exclude each other
    extension: str = ""  # URL, while inside of an extension with a known definition
    exists: bool = False  # the value is whether there is one that is not false
    element: object = None  # the structure's Element of the last step

    def guarded(self, guard):
        last = self.steps[-1]
        step = Step(last.name, last.guards + (guard,))
        return replace(self, steps=self.steps[:-1] + (step,))


class Paths:
    def __init__(self, structure, extensions):
        self.structure = structure
        self.extensions = extensions  # StructureDefinitions by URL

    def of(self, node, type_name, context=None):
        """All reaches of an expression; context: those that a relative path starts from."""
        self.type_name = type_name
        self.context = context or [Reach((), type_name)]
        return self._eval(node)

    def _eval(self, node):
        if node.kind == "binary":
            return self._binary(node)
        if node.kind == "literal":
            raise CannotCompile("a literal is no path")
        if node.kind == "name":
            return self._start(node.name)
        if node.kind == "index":
            return [self._indexed(r, node.index) for r in self._eval(node.target)]
        if node.kind == "member":
            return self.member(self._eval(node.target), node.name)
        return self._call(node)

    def _start(self, name):
        if name == RESOURCE:
            return [Reach((Step(RESOURCE),), self.type_name)]
        if name[0].isupper():
            if name in self.structure.types and self.structure.is_a(self.type_name, name):
                return [Reach((), self.type_name)]
            return []
        return self.member(self.context, name)

    def owner(self, reach):
        """The reach without its last step; it starts where the current expression does."""
        walked = self.context
        for step in reach.steps[:-1]:
            walked = self.member(walked, step.name)
        return replace(walked[0], steps=reach.steps[:-1])

    def _indexed(self, reach, index):
        """One item of the last step: what it repeats does not count any more."""
        return replace(reach.guarded((INDEX, "", "", index)), plural=self.owner(reach).plural)

    def _binary(self, node):
        if node.op == "|":
            return [r for branch in branches(node) for r in self._eval(branch)]
        if node.op == "as":
            return self._as(self._eval(node.left), node.right.name)
        if node.op == "and" and _is_present_and_not_false(node):
            return [replace(r, exists=True) for r in self._eval(node.left.target)]
        raise CannotCompile("operator %s" % node.op)

    def _as(self, reaches, name):
        if name not in self.structure.types:
            name = name[0].lower() + name[1:]  # FHIRPath's DateTime, String
        return [r for r in reaches if self.structure.is_a(r.type, name)]

    def _call(self, node):
        name, arguments = node.name, node.arguments
        if name == "extension":
            reaches = self.member(self._eval(node.target), "extension")
            return [self._in_extension(r, arguments[0].value) for r in reaches]
        reaches = self._eval(node.target)
        if name in ("as", "ofType"):
            return self._as(reaches, arguments[0].name)
        if name == "where":
            return [self._where(r, arguments[0]) for r in reaches]
        if name == "first":
            return [self._indexed(r, 0) for r in reaches]
        raise CannotCompile("function %s()" % name)

    def _where(self, reach, condition):
        if condition.kind == "call" and condition.name == "hasExtension":
            return reach.guarded((HAS_EXTENSION, "", condition.arguments[0].value, ""))
        if condition.kind != "binary":
            raise CannotCompile("condition of where()")
        left, right = condition.left, condition.right
        if condition.op == "is" and left.kind == "call" and left.name == "resolve" and not left.target:
            return reach.guarded((RESOLVE_IS, "", "", right.name))
        if condition.op == "=" and left.kind == "name" and right.kind == "literal":
            if reach.type == "Extension" and left.name == "url":
                return self._in_extension(reach, right.value)
            return reach.guarded((MEMBER_IS, left.name, right.value, ""))
        raise CannotCompile("condition of where()")

    def _in_extension(self, reach, url):
        known = url if url in self.extensions else ""
        return replace(reach.guarded((MEMBER_IS, "url", url, "")), extension=known)

    def member(self, reaches, name):
        """What a member name reaches from reaches; a choice's base name reaches all its entries."""
        found = []
        for reach in reaches:
            found += self._members_of(reach, name)
        if reaches and not found:
            raise CannotCompile("%s has no element %s" % ("/".join(sorted({r.type for r in reaches})), name))
        return found

    def _members_of(self, reach, name):
        owner = self.structure.types[reach.type]
        element = owner.element(name)
        elements = [element] if element else owner.choices(name)
        if reach.type == "Extension" and name == "value" and reach.extension:
            allowed = self._extension_types(reach)
            elements = [e for e in elements if e.type in allowed]
        keep = reach.extension if name == "extension" else ""
        return [
            Reach(
                reach.steps + (Step(e.name),),
                e.type,
                reach.plural or e.repeats,
                reach.slot + (e.group or e.name,),
                keep,
                False,
                e,
            )
            for e in elements
        ]

    def _extension_types(self, reach):
        """Types of the value of an extension, or of the extensions in it, by its definition."""
        depth = sum(step.name == "extension" for step in reach.steps)
        stem = "Extension" + ".extension" * (depth - 1) + ".value"
        value = re.compile(re.escape(stem) + r"\w*(\[x\])?$")  # DSTU2 also writes valueCodeableConcept
        definition = self.extensions[reach.extension]
        return {
            entry.get("code")
            for raw in definition["snapshot"]["element"]
            if value.match(raw["path"]) and raw["max"] != "0"
            for entry in raw.get("type", ())
        }


def _is_present_and_not_false(node):
    """X.exists() and X != false"""
    left, right = node.left, node.right
    return (
        left.kind == "call"
        and left.name == "exists"
        and right.kind == "binary"
        and right.op == "!="
        and right.right.kind == "name"
        and right.right.name == "false"
    )

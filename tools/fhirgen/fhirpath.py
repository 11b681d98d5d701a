# SPDX-License-Identifier: Apache-2.0
"""A parser for FHIRPath as search parameters use it, and DSTU2's XPath turned into FHIRPath.

parse() gives a tree of Node; what it means for a type is the business of paths.py.
Grammar and precedence: http://hl7.org/fhirpath/N1/#precedence
"""

import re

TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<number>\d+)|(?P<name>%?[A-Za-z_]\w*)|(?P<op>!=|[|.()\[\],=]))"
)

# Binary operators from loose to tight; '.' and '[]' bind tighter still.
LEVELS = (("or",), ("and",), ("=", "!="), ("|",), ("as", "is"))


class ParseError(ValueError):
    pass


class Node:
    """kind: name, member, call, index, binary, literal; start and end are places in the text."""

    def __init__(self, kind, start, end, **fields):
        self.kind, self.start, self.end = kind, start, end
        self.__dict__.update(fields)

    def text(self, source):
        return source[self.start : self.end].strip()


def parse(text):
    parser = _Parser(text)
    node = parser.binary(0)
    if parser.kind is not None:
        raise ParseError("unexpected %r" % parser.value)
    return node


def branches(node):
    """The operands of a union, in order."""
    if node.kind == "binary" and node.op == "|":
        return branches(node.left) + branches(node.right)
    return [node]


class _Parser:
    def __init__(self, text):
        self.source = text
        self.at = 0
        self._read()

    def _read(self):
        self.end = self.at  # behind the token before the current one
        if not self.source[self.at :].strip():
            self.kind = self.value = None
            return
        match = TOKEN.match(self.source, self.at)
        if not match:
            raise ParseError("cannot read %r" % self.source[self.at : self.at + 20])
        self.kind = match.lastgroup
        self.value = match.group(self.kind)
        self.start = match.start(self.kind)
        self.at = match.end()

    def _take(self, value):
        if self.value != value or self.kind not in ("op", "name"):
            raise ParseError("%r wanted, got %r" % (value, self.value))
        self._read()

    def binary(self, level):
        if level == len(LEVELS):
            return self._chain()
        left = self.binary(level + 1)
        while self.kind in ("op", "name") and self.value in LEVELS[level]:
            op = self.value
            self._read()
            if op in ("as", "is"):
                right = Node("name", self.start, self.at, name=self.value)
                self._read()
            else:
                right = self.binary(level + 1)
            left = Node("binary", left.start, self.end, op=op, left=left, right=right)
        return left

    def _chain(self):
        node = self._term()
        while self.kind == "op" and self.value in (".", "["):
            if self.value == ".":
                self._read()
                node = self._named(node)
            else:
                self._read()
                index = int(self.value)
                self._read()
                self._take("]")
                node = Node("index", node.start, self.end, target=node, index=index)
        return node

    def _term(self):
        start = self.start
        if self.kind == "op" and self.value == "(":
            self._read()
            node = self.binary(0)
            self._take(")")
            node.start, node.end = start, self.end
            return node
        if self.kind == "string":
            node = Node("literal", start, self.at, value=self.value[1:-1])
        elif self.kind == "number":
            node = Node("literal", start, self.at, value=self.value)
        elif self.kind == "name":
            return self._named(None)
        else:
            raise ParseError("term wanted, got %r" % self.value)
        self._read()
        return node

    def _named(self, target):
        """A member or function call, of target or at the start of a path."""
        if self.kind != "name":
            raise ParseError("name wanted, got %r" % self.value)
        name, start = self.value, target.start if target else self.start
        self._read()
        if not (self.kind == "op" and self.value == "("):
            return Node("member" if target else "name", start, self.end, target=target, name=name)
        self._read()
        arguments = []
        while self.value != ")":
            arguments.append(self.binary(0))
            if self.value != ")":
                self._take(",")
        self._take(")")
        return Node("call", start, self.end, target=target, name=name, arguments=arguments)


XPATH_STEP = re.compile(r"f:(\w+)(?:\[x\])?((?:\[[^]]*\])*)$")
XPATH_URL = re.compile(r"\[@url='([^']*)'\]$")
XPATH_MEMBER = re.compile(r"\[(?:f:)?(\w+)/@value='([^']*)'\]$")
XPATH_INDEX = re.compile(r"\[(\d+)\]$")


def from_xpath(xpath):
    """FHIRPath of an XPath made of steps f:name with a test for url, a member, or a place.

    An extension stands for its value, as in R4's XPath. Branches like "/f:#author" (a fault of
    R4's extension parameters, they name no element) are left out.
    """
    parts = []
    for branch in xpath.split(" | "):
        if branch.startswith("/f:#"):
            continue
        parts.append(".".join(_xpath_steps(branch)))
    return " | ".join(parts)


def _xpath_steps(branch):
    steps = []
    for raw in re.split(r"/(?=f:)(?![^\[]*\])", branch):
        match = XPATH_STEP.match(raw)
        if not match:
            raise ParseError("XPath step %r" % raw)
        name, test = match.groups()
        if not test:
            steps.append(name)
        elif XPATH_URL.match(test):
            steps.append("%s('%s').value" % (name, XPATH_URL.match(test).group(1)))
        elif XPATH_MEMBER.match(test):
            steps.append("%s.where(%s='%s')" % (name, *XPATH_MEMBER.match(test).groups()))
        elif XPATH_INDEX.match(test):
            steps.append("%s[%s]" % (name, XPATH_INDEX.match(test).group(1)))
        else:
            raise ParseError("XPath test %r" % test)
    return steps

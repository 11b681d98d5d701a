# SPDX-License-Identifier: Apache-2.0
"""The string pool and the runs of small integers that tables share."""


class Strings:
    """Strings by offset: sorted, deduplicated, NUL-terminated; offset 0 is the empty string."""

    def __init__(self):
        self._known = {""}
        self._offsets = None

    def add(self, text):
        assert self._offsets is None and "\0" not in text
        self._known.add(text)
        return text

    def freeze(self):
        self._offsets = {}
        self.texts = sorted(self._known, key=lambda s: s.encode())
        at = 0
        for text in self.texts:
            self._offsets[text] = at
            at += len(text.encode()) + 1
        self.size = at

    def offset(self, text):
        return self._offsets[text]


class Runs:
    """Runs of integers in one array; equal runs are stored once. Entry 0 is a dummy."""

    def __init__(self):
        self.values = [0]
        self._known = {(): 0}

    def add(self, run):
        run = tuple(run)
        if run not in self._known:
            self._known[run] = len(self.values)
            self.values += run
        return self._known[run]

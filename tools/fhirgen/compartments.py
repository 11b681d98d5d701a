# SPDX-License-Identifier: Apache-2.0
"""Compartments: which parameters of a type put a resource into one, from CompartmentDefinitions."""


def members(definitions):
    """{focus: {type: [parameter, …]}}; the focus itself belongs to it without a parameter."""
    found = {}
    for definition in definitions:
        types = {raw["code"]: raw.get("param", []) for raw in definition["resource"]}
        focus = definition["code"]
        found[focus] = {name: params for name, params in types.items() if params and name != focus}
        found[focus][focus] = []
    return found


def add_rows(tables, compartments, plans, programs):
    rows = []
    for focus, types in compartments.items():
        for name, params in types.items():
            indexes = [programs.index[id(plans[name].params[param])] for param in params]
            rows.append(
                (tables.type_index[focus], tables.type_index[name], tables.components.add(indexes), len(indexes))
            )
    tables.compartments += sorted(rows)

"""Two kinds of import contract that name their modules by pattern, so that a new file needs no new line in them.

`only-at`: the named modules (ours or a vendor's) are imported nowhere but at their homes.
`apart`: the files of a package do not import each other. Files that share a first word (`telegram`,
`telegram_receive`) are one family; what all may use is `shared`, what may use all is an `index`.
Both look at direct imports: what a home imports is the home's affair.
"""

from fnmatch import fnmatchcase
from itertools import product
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class _DirectImportsContract(Contract):
    def kept_or_broken(self, broken: set[tuple[str, str]]) -> ContractCheck:
        return ContractCheck(kept=not broken, metadata={"broken": sorted(broken)})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"- {importer} must not import {imported}")


class OnlyAt(_DirectImportsContract):
    type_name = "only-at"
    modules = fields.SetField(subfield=fields.StringField())
    homes = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        guarded = [m for m in graph.modules if any(_within(m, top) for top in cast(set[str], self.modules))]
        return self.kept_or_broken(
            {
                (importer, imported)
                for imported in guarded
                for importer in graph.find_modules_that_directly_import(imported)
                if importer not in guarded and not _matches(importer, cast(set[str], self.homes))
            }
        )


class Apart(_DirectImportsContract):
    type_name = "apart"
    package = fields.StringField()
    shared = fields.SetField(subfield=fields.StringField(), required=False)
    index = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        package = str(self.package)
        inside = [m for m in graph.modules if m.startswith(package + ".")]
        shared, index = cast(set[str], self.shared or set()), cast(set[str], self.index or set())
        return self.kept_or_broken(
            {
                (importer, imported)
                for importer, imported in product(inside, inside)
                if graph.direct_import_exists(importer=importer, imported=imported)
                and _family(importer, package) != _family(imported, package)
                and not _matches(importer, index)
                and not _matches(imported, shared)
            }
        )


def _within(module: str, top: str) -> bool:
    return module == top or module.startswith(top + ".")


def _matches(module: str, patterns: set[str]) -> bool:
    return any(fnmatchcase(module, pattern) for pattern in patterns)


def _family(module: str, package: str) -> str:
    return module.removeprefix(package + ".").split(".")[0].split("_")[0]

"""The layer rules of the source tree, checked on text (DESIGN: "Folders and layers").

    proto <- raft <- storage <- server -> grpc      client -> proto, grpc

`breaches(root, files)` returns one line for every breach.
"""

import re
from pathlib import Path

TOP_LEVEL = frozenset(
    "proto raft storage server client tests bazel WORKSPACE BUILD README.md".split()
)
LINES_MAX = 600

# Folder -> folders whose headers it may include. "kappa" stands for the
# public generated protos (kappa/v1), "kappa/raft" and "kappa/storage" for
# those between nodes and on disk. tests/ may include everything.
MAY_INCLUDE = {
    "proto": {"proto", "kappa"},
    "raft": {"raft"},
    "storage": {"proto", "raft", "storage", "kappa", "kappa/raft", "kappa/storage"},
    "server": {
        "proto", "raft", "storage", "server", "kappa", "kappa/raft", "kappa/storage",
    },
    "client": {"proto", "client", "kappa"},
}

# The core is a pure function: nothing here can block, wait, ask for the time,
# do I/O, draw a random number or iterate in an order that differs by run.
RAFT_HEADERS = frozenset(
    """
    proto/wire/types.h proto/wire/check.h
    algorithm array bit cassert climits compare concepts cstddef cstdint
    cstring deque functional initializer_list iosfwd iterator limits list map
    memory new numeric optional ostream queue ranges ratio set span sstream
    string string_view tuple type_traits utility variant vector
    """.split()
)
RAFT_ABSL = re.compile(
    r"absl/(algorithm|base/attributes|container/(btree_|fixed_array|inlined_vector)"
    r"|functional|meta|numeric|status|strings|types|utility)"
)

# What its libraries may depend on directly, besides each other.
RAFT_DEPENDENCIES = frozenset(
    """
    //proto/wire:types //proto/wire:check
    @debian//:absl @debian//:absl_status @debian//:absl_strings
    """.split()
)
LABEL = re.compile(r'"((?://|@)[^"]*)"')

GRPC = re.compile(r"(grpcpp|grpc|grpc\+\+)/")
# proto/rpc: what both ends know of gRPC itself.
GRPC_USERS = ("server/", "client/", "proto/rpc/")
GRPC_SERVER = re.compile(
    r"(grpcpp|grpc\+\+)/(server|health_check|generic/async_generic_service"
    r"|ext/.*server|.*/server_)"
)

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def _folder_of_include(header):
    """The layer that `header` belongs to, or None for a system header."""
    parts = header.split("/")
    if parts[0] == "kappa":
        return "kappa" if parts[1] == "v1" else "/".join(parts[:2])
    return parts[0] if parts[0] in MAY_INCLUDE or parts[0] == "tests" else None


def _include_breach(path, header):
    """Why the file at `path` may not include `header`, or None."""
    folder = path.split("/")[0]
    layer = _folder_of_include(header)
    if folder == "raft":
        if layer == "raft" or header in RAFT_HEADERS or RAFT_ABSL.match(header):
            return None
        return "raft/ is pure: not in its list of headers"
    if layer is not None:
        if layer in MAY_INCLUDE[folder]:
            return None
        return f"{folder}/ may not include {layer}/"
    if header.startswith("rocksdb/") and folder != "storage":
        return "only storage/ includes RocksDB"
    if GRPC.match(header) and not path.startswith(GRPC_USERS):
        return "only server/, client/ and proto/rpc/ include gRPC"
    if GRPC_SERVER.match(header) and folder != "server":
        return "only server/ includes gRPC's server headers"
    return None


def _file_breaches(path, text):
    lines = text.splitlines()
    if len(lines) > LINES_MAX:
        yield f"{path}: {len(lines)} lines, more than {LINES_MAX}: it holds two ideas"
    folder = path.split("/")[0]
    if folder not in MAY_INCLUDE:
        return
    for number, line in enumerate(lines, start=1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, header = match.groups()
        why = _include_breach(path, header)
        if quote == '"' and (header.startswith(".") or "/" not in header):
            why = "includes are relative to the repository's root"
        if why:
            yield f'{path}:{number}: #include "{header}": {why}'


def _raft_build_breaches(text):
    """Every label in raft/BUILD that is neither allowed nor a list of users."""
    for number, line in enumerate(text.splitlines(), start=1):
        for label in LABEL.findall(line):
            if label in RAFT_DEPENDENCIES or label.startswith("//visibility:"):
                continue
            if not label.endswith(":__subpackages__"):
                yield f"raft/BUILD:{number}: {label}: raft/ is pure: not in its list"


def breaches(root, files):
    """Returns every breach among `files`, which are relative to `root`."""
    found = []
    top_level = {path.split("/")[0] for path in files if not path.startswith(".")}
    for name in sorted(top_level - TOP_LEVEL):
        found.append(f"{name}: the top level is fixed; put it into a folder")
    for name in sorted(TOP_LEVEL - top_level):
        found.append(f"{name}: missing from the top level")
    for path in sorted(files):
        if path.endswith((".h", ".cc")):
            text = (Path(root) / path).read_text(encoding="utf-8")
            found.extend(_file_breaches(path, text))
        elif path == "raft/BUILD":
            text = (Path(root) / path).read_text(encoding="utf-8")
            found.extend(_raft_build_breaches(text))
    return found

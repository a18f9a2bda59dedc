"""C++ and Python from .proto files, by Debian's protoc and gRPC plugins.

Proto files live under //proto; that folder is the root of every import:

    import "kappa/v1/record.proto";
    #include "kappa/v1/record.pb.h"
    from kappa.v1 import record_pb2
"""

_PROTOC = "/usr/bin/protoc -Iproto -I/usr/include"

def _outputs(srcs, suffixes):
    for src in srcs:
        if not src.endswith(".proto"):
            fail("not a .proto file: " + src)
    return [src[:-len(".proto")] + suffix for src in srcs for suffix in suffixes]

def _sources(dep):
    if ":" not in dep:
        fail("write the label in full, //package:name, not " + dep)
    return dep + "_protos"

def _messages(dep):
    return dep + "_messages"

def _python(dep):
    return dep + "_py"

def kappa_proto_library(
        name,
        srcs,
        deps = [],
        grpc = False,
        visibility = None):
    """Declares the generated code of `srcs`.

    Targets: `name` (cc_library), `name`_messages (the same without services and
    gRPC), `name`_py (py_library), `name`_protos (the .proto files, own and
    imported).

    Args:
      name: of the C++ library.
      srcs: .proto files of this package.
      deps: other kappa_proto_library targets that `srcs` import, in full form.
      grpc: whether `srcs` declare services.
      visibility: of the four targets.
    """
    native.filegroup(
        name = name + "_protos",
        srcs = srcs + [_sources(dep) for dep in deps],
        visibility = visibility,
    )

    inputs = " ".join(["$(execpaths %s)" % src for src in srcs])
    headers = _outputs(srcs, [".pb.h"] + ([".grpc.pb.h"] if grpc else []))
    sources = _outputs(srcs, [".pb.cc"] + ([".grpc.pb.cc"] if grpc else []))
    cpp_out = " --cpp_out=$(BINDIR)/proto"
    if grpc:
        cpp_out += (" --grpc_out=$(BINDIR)/proto" +
                    " --plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin")
    native.genrule(
        name = name + "_generate_cpp",
        srcs = srcs + [":" + name + "_protos"],
        outs = headers + sources,
        cmd = _PROTOC + cpp_out + " " + inputs,
        visibility = ["//visibility:private"],
    )
    # Messages without services: for what must not link gRPC.
    native.cc_library(
        name = name + "_messages",
        srcs = _outputs(srcs, [".pb.cc"]),
        hdrs = _outputs(srcs, [".pb.h"]),
        copts = ["-w"],
        visibility = visibility,
        deps = [_messages(dep) for dep in deps] +
               ["//proto:include_root", "@debian//:protobuf"],
    )
    native.cc_library(
        name = name,
        srcs = _outputs(srcs, [".grpc.pb.cc"]) if grpc else [],
        hdrs = _outputs(srcs, [".grpc.pb.h"]) if grpc else [],
        copts = ["-w"],
        visibility = visibility,
        deps = deps + [":" + name + "_messages"] + (
            ["@debian//:grpcpp"] if grpc else []
        ),
    )

    python_out = " --python_out=$(BINDIR)/proto"
    if grpc:
        python_out += (" --grpc_out=$(BINDIR)/proto" +
                       " --plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin")
    modules = _outputs(srcs, ["_pb2.py"] + (["_pb2_grpc.py"] if grpc else []))
    native.genrule(
        name = name + "_generate_python",
        srcs = srcs + [":" + name + "_protos"],
        outs = modules,
        cmd = _PROTOC + python_out + " " + inputs,
        visibility = ["//visibility:private"],
    )
    native.py_library(
        name = name + "_py",
        srcs = modules,
        imports = ["/".join([".." for _ in native.package_name().split("/")[1:]])],
        visibility = visibility,
        deps = [_python(dep) for dep in deps],
    )

def kappa_proto_descriptor_set(name, deps, visibility = None):
    """Declares `name`.binpb, a FileDescriptorSet of `deps` with their imports."""
    protos = [_sources(dep) for dep in deps]
    native.genrule(
        name = name,
        srcs = protos,
        outs = [name + ".binpb"],
        cmd = _PROTOC + " --include_imports --descriptor_set_out=$@ " +
              " ".join(["$(execpaths %s)" % label for label in protos]),
        visibility = visibility,
    )

"""The rule of a libFuzzer target."""

def fuzz_target(name, deps):
    """Declares `name`, built from `name`.cc by --config=fuzz alone (clang),
    which brings the main function. Its corpus is corpus/`name`."""
    native.cc_binary(
        name = name,
        testonly = True,
        srcs = [name + ".cc"],
        # Bazel links by clang, not clang++, which would add it.
        linkopts = ["-fsanitize-link-c++-runtime"],
        tags = [
            "fuzz",
            "manual",
            "nightly",
        ],
        deps = deps,
    )

"""Wrong arguments of every command and every option.

The commands, and what each option takes, are read from the help, so that an
option cannot be forgotten. No server runs: wrong usage is found before one is
asked.
"""

import functools
import os
import re
import subprocess
import unittest

from tests.python import cases

KAPPA = os.path.abspath("client/cli/kappa")
DONE, WRONG_USAGE = 0, 2

# "  -o,--output TEXT:{table,json}=table" and "  --yes".
OPTION = re.compile(r"^  (?:-\w,)?(--[a-z0-9-]+)(?: ([A-Z]{3,})(?::(\S+))?)?", re.M)
COMMAND = re.compile(r"^  ([a-z][a-z-]*) ", re.M)

WRONG = {
    "UINT": ("", "x", "-1", "1.5", "99999999999999999999"),
    "INT": ("", "x", "1.5", "99999999999999999999"),
    "FLOAT": ("", "x", "nan", "inf", "1x"),
    "BOOLEAN": ("maybe",),
}

# What stands where a value is not wrong by its type alone.
WRONG_TEXT = {
    "--server": ("nowhere", "a:b", "127.0.0.1:70000", ""),
    "--from": ("soon", "-1", "18446744073709551616", "2026-13-01T00:00:00Z", ""),
    "--to": ("beginning", "-1", "18446744073709551616", ""),
    "--at-time": ("noon", "2026-13-01T00:00:00Z", ""),
    "--label": ("x", ""),
    "--compression": ("gzip", ""),
    "--format": ("xml", ""),
    "--output": ("xml", ""),
}

# Text that the server judges, a file, or anything at all.
ANY_TEXT = {
    "--description", "--key-field", "--time-field", "--time-format", "--key", "--producer",
    "--prefix", "--topic", "--key-prefix", "--kappad", "--data-dir", "--kappad-argument",
    "--values",
}


def run(*words):
    environment = dict(os.environ)
    environment.pop("KAPPA_SERVER", None)
    return subprocess.run([KAPPA, *words], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=60, env=environment, check=False)


@functools.lru_cache
def help_of(command):
    done = run(*command, "--help")
    assert done.returncode == DONE, done.stderr
    return done.stdout


def commands(prefix=()):
    """Every command that does something, as a tuple of words."""
    text = help_of(prefix)
    below = text.partition("Subcommands:")[2].partition("\n\n")[0]
    names = COMMAND.findall(below)
    if not names:
        yield prefix, text
    for name in names:
        yield from commands((*prefix, name))


def positionals(text):
    """Something for each argument that must be there."""
    between = text.partition("Positionals:")[2].partition("Options:")[0]
    return ["bash" if "{bash" in line else "1" if " UINT" in line else "t"
            for line in between.splitlines() if "REQUIRED" in line]


def takes_more(text):
    """Whether any number of arguments may follow."""
    return " ... " in text.partition("Positionals:")[2].partition("Options:")[0]


class ArgumentsTest(unittest.TestCase):
    def refused(self, command, words, named):
        done = run(*command, *words)
        self.assertEqual(done.returncode, WRONG_USAGE,
                         (command, words, done.stdout, done.stderr))
        self.assertIn(named, done.stderr)
        self.assertEqual(done.stdout, "")

    def run_command(self, command, text):
        needed = positionals(text)
        options = dict((name, (type_, bounds)) for name, type_, bounds in
                       OPTION.findall(text) if name != "--help")
        if command[0] not in ("version", "completion", "local"):  # these ask no server
            options["--server"] = ("TEXT", "")
        required = re.findall(r"^  (--[a-z-]+) \S+ REQUIRED", text, re.M)
        given = [word for name in required
                 for word in (name, "0" if options[name][0] == "UINT" else "t")]
        if "--yes" in options:
            given.append("--yes")
        self.refused(command, [*needed, *given, "--frobnicate"], "--frobnicate")
        if not takes_more(text):
            self.refused(command, [*needed, *given, "too", "much"], "much")
        if needed:
            self.refused(command, given, "required")
        for name in required:
            self.refused(command, needed, name)
        for name, (type_, bounds) in options.items():
            rest = [*needed, *(word for i, word in enumerate(given)
                               if name not in (word, given[i - 1] if i else ""))]
            with self.subTest(option=name):
                self.run_option(command, rest, name, type_, bounds)

    def run_option(self, command, rest, name, type_, bounds):
        if not type_:  # a flag
            self.refused(command, [*rest, f"{name}=perhaps"], name)
            return
        self.refused(command, [*rest, name], name)
        if type_ == "TEXT":
            self.assertIn(name, set(WRONG_TEXT) | ANY_TEXT, "a new option: say what is wrong")
        for wrong in WRONG.get(type_, WRONG_TEXT.get(name, ())):
            # `bench` hands the server's name on as it is.
            named = wrong if wrong and "bench" in command and name == "--server" else name
            self.refused(command, [*rest, f"{name}={wrong}"], named)
        limits = re.match(r".*\[(\S+) - (\S+)\]", bounds + text_bounds(command, name))
        if limits:
            low, high = map(float, limits.groups())
            for wrong in (low - 1, high + 1):
                value = f"{wrong:.0f}" if type_ != "FLOAT" else f"{wrong}"
                self.refused(command, [*rest, f"{name}={value}"], name)


def text_bounds(command, name):
    """The bounds of an option, which the help writes with spaces."""
    found = re.search(rf"{name} [A-Z]+:(?:INT|UINT|FLOAT) in (\[\S+ - \S+\])", help_of(command))
    return found.group(1) if found else ""


def add_case(command, text):
    name = "test_" + "_".join(command).replace("-", "_")
    setattr(ArgumentsTest, name, lambda self: self.run_command(command, text))


for each in commands():
    add_case(*each)


if __name__ == "__main__":
    cases.main()

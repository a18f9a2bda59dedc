#include "client/cli/completion.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/wire/string_view.h"

namespace kappa::cli {

namespace {

// For each command, by its path ("kappa/topic/create"), the words that may
// follow: subcommands, then options.
using WordsByPath = std::map<std::string, std::vector<std::string>>;

void Collect(const CLI::App& app, const std::string& path, WordsByPath* words) {
  std::vector<std::string>& own = (*words)[path];
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    own.push_back(command->get_name());
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      own.push_back("--" + name);
    }
  }
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    Collect(*command, path + "/" + command->get_name(), words);
  }
}

std::vector<std::string> PathsOf(const WordsByPath& words, const char* quote) {
  std::vector<std::string> paths;
  for (const auto& [path, unused] : words) {
    paths.push_back(absl::StrCat(quote, path, quote));
  }
  return paths;
}

std::string BashFunction(const WordsByPath& words) {
  std::string script = absl::StrCat(
      "_kappa() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" path=kappa words= i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$path/${COMP_WORDS[i]}\" in\n"
      "      ",
      absl::StrJoin(PathsOf(words, ""), " | "),
      ") path=\"$path/${COMP_WORDS[i]}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$path\" in\n");
  for (const auto& [path, list] : words) {
    absl::StrAppend(&script, "    ", path, ") words=\"",
                    absl::StrJoin(list, " "), "\" ;;\n");
  }
  absl::StrAppend(&script,
                  "  esac\n"
                  "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                  "  [[ ${#COMPREPLY[@]} -gt 0 ]] ||\n"
                  "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
                  "}\n"
                  "complete -o filenames -F _kappa kappa\n");
  return script;
}

std::string FishScript(const WordsByPath& words) {
  std::string script = absl::StrCat(
      "function __kappa_path\n"
      "  set -l path kappa\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch \"$path/$word\"\n"
      "      case ",
      absl::StrJoin(PathsOf(words, "'"), " "),
      "\n"
      "        set path \"$path/$word\"\n"
      "    end\n"
      "  end\n"
      "  echo $path\n"
      "end\n");
  for (const auto& [path, list] : words) {
    // Where a command is due, no file is.
    const bool commands = !list.empty() && list.front().front() != '-';
    absl::StrAppend(&script, "complete -c kappa -n 'string match -q -- ", path,
                    " (__kappa_path)'", commands ? " -f" : "", " -a '",
                    absl::StrJoin(list, " "), "'\n");
  }
  return script;
}

}  // namespace

absl::StatusOr<std::string> CompletionScript(const CLI::App& app,
                                             std::string_view shell) {
  WordsByPath words;
  Collect(app, "kappa", &words);
  if (shell == "bash") return BashFunction(words);
  if (shell == "zsh") {
    return "#compdef kappa\nautoload -U +X bashcompinit && bashcompinit\n" +
           BashFunction(words) +
           // Loaded as a function by the first completion, which is then
           // answered as well.
           "[[ ${funcstack[1]} != _kappa ]] ||\n"
           "  _bash_complete -o filenames -F _kappa\n";
  }
  if (shell == "fish") return FishScript(words);
  return absl::InvalidArgumentError(
      absl::StrCat("no completion for shell \"", ToAbsl(shell), "\""));
}

}  // namespace kappa::cli

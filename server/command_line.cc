#include "server/command_line.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"

namespace kappa::server {
namespace {

constexpr int kWrongUsage = 2;

constexpr char kWhatToDo[] =
    "kappad needs to know where its data is. To try it out:\n"
    "  kappad --dev                   one node on 127.0.0.1:7400, data in\n"
    "                                 ~/.local/share/kappa\n"
    "To run it:\n"
    "  kappad --data-dir DIR          defaults for everything else\n"
    "  kappad --config FILE           see kappad.example.yaml\n"
    "To look at a directory that nobody serves:\n"
    "  kappad check DIR               what is damaged\n"
    "kappad --help lists all flags.\n";

struct Flags {
  bool dev = false;
  bool insecure_allow_remote = false;
  bool accept_clock_behind = false;
  std::optional<std::string> config_file;
  std::optional<std::string> data_dir;
  std::optional<std::string> listen;
  std::optional<std::string> metrics_listen;
  std::optional<std::string> tls_cert;
  std::optional<std::string> tls_key;
  std::optional<std::string> tls_client_ca;
  std::optional<std::string> log_format;
  std::optional<std::string> log_level;
  // By key of the configuration file.
  std::map<std::string, std::string> cluster;
};

// Settings of the configuration file that are flags as well.
struct ClusterFlag {
  const char* key;
  const char* help;
};
constexpr ClusterFlag kClusterFlags[] = {
    {"node_id",
     "Number of this node in its cluster, from 1; default 1, or with --join "
     "the next one"},
    {"peers",
     "Who forms the cluster, this node included: 1=HOST:PORT,2=HOST:PORT,..., "
     "the addresses for nodes"},
    {"join",
     "Become a node of a running cluster: HOST:PORT,... where its nodes serve "
     "nodes"},
    {"peer_listen",
     "HOST:PORT for other nodes, default 127.0.0.1:7500 for a node of a "
     "cluster"},
    {"advertise", "HOST:PORT that clients are told; default: --listen"},
    {"peer_advertise", "HOST:PORT that nodes are told; default: --peer-listen"},
    {"rack", "Where this node stands; replicas are spread over racks"},
    {"node_tls_cert", "Certificate for TLS between nodes (PEM file)"},
    {"node_tls_key", "Its private key (PEM file)"},
    {"node_tls_ca", "Nodes must show a certificate of this CA (PEM file)"},
    {"election_timeout_ms",
     "A partition that hears no leader for so long elects one; 100 to 10000, "
     "default 200"},
    {"replace_after_seconds",
     "An empty directory takes the place of the node's former disk, for good, "
     "after so long; 0 to 86400, default 60"},
};

// "--node-id" for "node_id".
std::string FlagOf(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return "--" + key;
}

void Declare(CLI::App* app, Flags* flags) {
  app->set_version_flag("--version",
                        absl::StrCat("kappad ", ToAbsl(kKappadVersion)));
  app->add_flag("--dev", flags->dev,
                "One node that needs no configuration; data in "
                "$XDG_DATA_HOME/kappa or ~/.local/share/kappa");
  app->add_option("--config", flags->config_file,
                  "Configuration file (YAML); flags win over it");
  app->add_option("--data-dir", flags->data_dir,
                  "Where the data is; created if it does not exist");
  app->add_option("--listen", flags->listen,
                  "HOST:PORT for clients, default 127.0.0.1:7400; port 0 takes "
                  "a free one, see the file DATA-DIR/address");
  app->add_option("--metrics-listen", flags->metrics_listen,
                  "HOST:PORT for Prometheus, default 127.0.0.1:7600");
  app->add_option("--tls-cert", flags->tls_cert,
                  "Certificate for TLS on --listen (PEM file); read again when "
                  "it changes");
  app->add_option("--tls-key", flags->tls_key, "Its private key (PEM file)");
  app->add_option("--tls-client-ca", flags->tls_client_ca,
                  "Clients must show a certificate of this CA (PEM file)");
  app->add_flag("--insecure-allow-remote", flags->insecure_allow_remote,
                "Allow addresses that other machines can reach, without "
                "encryption or access rules");
  app->add_flag("--accept-clock-behind", flags->accept_clock_behind,
                "Start although the clock is more than 24 h behind the newest "
                "record");
  for (const ClusterFlag& flag : kClusterFlags) {
    app->add_option_function<std::string>(
        FlagOf(flag.key),
        [flags, key = std::string(flag.key)](const std::string& value) {
          flags->cluster[key] = value;
        },
        flag.help);
  }
  app->add_option("--log-format", flags->log_format,
                  "auto (text on a terminal, else json), text or json");
  app->add_option("--log-level", flags->log_level,
                  "debug, info, warning or error");
}

CLI::App* AddTool(CLI::App* app, const char* name, const char* description,
                  std::string* directory) {
  CLI::App* tool = app->add_subcommand(name, description);
  tool->add_option("dir", *directory, "The data directory")->required();
  return tool;
}

// The subcommands; each takes what it parses into `tool`.
struct Tools {
  CheckOptions check;
  std::string output = "table";
  DumpOptions dump;
  RecoverOptions recover;
  std::optional<ToolOptions> chosen;
};

void DeclareTools(CLI::App* app, Tools* tools) {
  CLI::App* check =
      AddTool(app, "check",
              "Read everything in a directory that nobody serves, change "
              "nothing, and say what is damaged",
              &tools->check.directory);
  check->add_option("-o,--output", tools->output, "Form of the output")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  check->callback([tools] {
    tools->check.json = tools->output == "json";
    tools->chosen = tools->check;
  });
  CLI::App* dump =
      AddTool(app, "dump",
              "Print the records of a partition of a directory that nobody "
              "serves, one line of JSON each",
              &tools->dump.directory);
  dump->add_option("--topic", tools->dump.topic, "Its topic")->required();
  dump->add_option("--partition", tools->dump.partition, "Its number")
      ->capture_default_str();
  dump->add_option("--from", tools->dump.from, "First offset")
      ->capture_default_str();
  dump->add_option("--to", tools->dump.to,
                   "Offset behind the last one (default: the end)");
  dump->callback([tools] { tools->chosen = tools->dump; });
  CLI::App* recover =
      AddTool(app, "recover",
              "Make a directory that kappad refuses usable again, without what "
              "cannot be kept; the old one stays beside it",
              &tools->recover.directory);
  recover->add_flag("--accept-loss", tools->recover.accept_loss,
                    "What cannot be kept is given up for ever");
  recover->callback([tools] { tools->chosen = tools->recover; });
  app->require_subcommand(0, 1);
}

absl::Status SetAddress(std::string_view flag,
                        const std::optional<std::string>& text,
                        ListenAddress* address) {
  if (!text.has_value()) return absl::OkStatus();
  absl::StatusOr<ListenAddress> parsed = ListenAddress::Parse(*text);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(ToAbsl(flag), ": ", parsed.status().message()));
  }
  *address = *parsed;
  return absl::OkStatus();
}

absl::Status SetLog(const Flags& flags, ServerConfig* config) {
  if (flags.log_format.has_value()) {
    absl::StatusOr<LogFormat> format = ParseLogFormat(*flags.log_format);
    if (!format.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--log-format: ", format.status().message()));
    }
    config->log_format = *format;
  }
  if (flags.log_level.has_value()) {
    absl::StatusOr<LogLevel> level = ParseLogLevel(*flags.log_level);
    if (!level.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--log-level: ", level.status().message()));
    }
    config->log_level = *level;
  }
  return absl::OkStatus();
}

absl::StatusOr<ServerConfig> ConfigOf(const Flags& flags) {
  ServerConfig config;
  if (flags.config_file.has_value()) {
    absl::StatusOr<ServerConfig> loaded = LoadConfig(*flags.config_file);
    if (!loaded.ok()) return loaded.status();
    config = *std::move(loaded);
  }
  if (flags.data_dir.has_value()) config.data_dir = *flags.data_dir;
  if (config.data_dir.empty() && flags.dev) config.data_dir = DefaultDataDir();
  absl::Status set = SetAddress("--listen", flags.listen, &config.listen);
  if (!set.ok()) return set;
  if (flags.listen.has_value() && config.listen.port == 0) {
    config.metrics_listen.port = 0;
  }
  set = SetAddress("--metrics-listen", flags.metrics_listen,
                   &config.metrics_listen);
  if (!set.ok()) return set;
  if (flags.tls_cert.has_value()) config.tls.cert = *flags.tls_cert;
  if (flags.tls_key.has_value()) config.tls.key = *flags.tls_key;
  if (flags.tls_client_ca.has_value()) config.tls.ca = *flags.tls_client_ca;
  config.insecure_allow_remote |= flags.insecure_allow_remote;
  config.accept_clock_behind |= flags.accept_clock_behind;
  for (const auto& [key, value] : flags.cluster) {
    set = SetConfigKey(key, value, &config);
    if (!set.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(FlagOf(key), ": ", set.message()));
    }
  }
  set = SetLog(flags, &config);
  if (!set.ok()) return set;
  set = CheckConfig(config);
  if (!set.ok()) return set;
  return config;
}

// The first option that was given an empty value, which none has a use for.
std::string EmptyOption(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& value : option->results()) {
      if (value.empty()) return option->get_name();
    }
  }
  return "";
}

}  // namespace

CommandLine ParseCommandLine(int argc, const char* const* argv) {
  CommandLine line;
  if (argc <= 1) {
    line.output = kWhatToDo;
    line.exit_code = kWrongUsage;
    return line;
  }
  Flags flags;
  CLI::App app("kappad, the Kappa log server.", "kappad");
  Declare(&app, &flags);
  Tools tools;
  DeclareTools(&app, &tools);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    line.output = chosen.empty() ? app.help() : chosen.front()->help();
    return line;
  } catch (const CLI::CallForVersion& version) {
    line.output = absl::StrCat(version.what(), "\n");
    return line;
  } catch (const CLI::ParseError& error) {
    line.output =
        absl::StrCat("kappad: ", error.what(), "\nSee kappad --help.\n");
    line.exit_code = kWrongUsage;
    return line;
  }
  if (const std::string empty = EmptyOption(app); !empty.empty()) {
    line.output = absl::StrCat("kappad: ", empty, ": the value is empty\n");
    line.exit_code = kWrongUsage;
    return line;
  }
  if (tools.chosen.has_value()) {
    line.tool = std::move(tools.chosen);
    return line;
  }
  absl::StatusOr<ServerConfig> config = ConfigOf(flags);
  if (config.ok()) {
    line.config = *std::move(config);
  } else {
    line.output = absl::StrCat("kappad: ", config.status().message(), "\n");
    line.exit_code = kWrongUsage;
  }
  return line;
}

std::string DefaultDataDir() {
  if (const char* data = std::getenv("XDG_DATA_HOME");
      data != nullptr && data[0] == '/') {
    return absl::StrCat(data, "/kappa");
  }
  if (const char* home = std::getenv("HOME");
      home != nullptr && home[0] == '/') {
    return absl::StrCat(home, "/.local/share/kappa");
  }
  return "";
}

}  // namespace kappa::server

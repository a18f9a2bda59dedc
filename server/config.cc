#include "server/config.h"

#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/wire/string_view.h"
#include "server/node_limits.h"
#include "yaml-cpp/yaml.h"

namespace kappa::server {
namespace {

using Setter = std::function<absl::Status(const std::string&, ServerConfig*)>;

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

template <typename T>
Setter Bool(T ServerConfig::*field) {
  return [field](const std::string& value, ServerConfig* config) {
    if (value != "true" && value != "false") {
      return Wrong("must be true or false");
    }
    config->*field = value == "true";
    return absl::OkStatus();
  };
}

absl::Status ParseNumber(const std::string& value, uint32_t min, uint32_t max,
                         uint32_t* number) {
  uint32_t parsed;
  if (!absl::SimpleAtoi(value, &parsed) || parsed < min || parsed > max) {
    return Wrong(absl::StrCat("must be a number from ", min, " to ", max));
  }
  *number = parsed;
  return absl::OkStatus();
}

Setter Number(uint32_t ServerConfig::*field, uint32_t min, uint32_t max) {
  return [field, min, max](const std::string& value, ServerConfig* config) {
    return ParseNumber(value, min, max, &(config->*field));
  };
}

Setter Bytes(uint64_t ServerConfig::*field, uint64_t min, uint64_t max) {
  return [field, min, max](const std::string& value, ServerConfig* config) {
    absl::StatusOr<uint64_t> bytes = ParseByteSize(value);
    if (!bytes.ok()) return bytes.status();
    if (*bytes < min || *bytes > max) {
      return Wrong(absl::StrCat("must be from ", min, " to ", max, " bytes"));
    }
    config->*field = *bytes;
    return absl::OkStatus();
  };
}

Setter DiskBytes(std::optional<uint64_t> DiskSettings::*field) {
  return [field](const std::string& value, ServerConfig* config) {
    absl::StatusOr<uint64_t> bytes = ParseByteSize(value);
    if (!bytes.ok()) return bytes.status();
    config->disk.*field = *bytes;
    return absl::OkStatus();
  };
}

Setter Address(ListenAddress ServerConfig::*field) {
  return [field](const std::string& value, ServerConfig* config) {
    absl::StatusOr<ListenAddress> address = ListenAddress::Parse(value);
    if (!address.ok()) return address.status();
    config->*field = *address;
    return absl::OkStatus();
  };
}

Setter TlsFile(std::string TlsFiles::*field) {
  return [field](const std::string& value, ServerConfig* config) {
    config->tls.*field = value;
    return absl::OkStatus();
  };
}

Setter NodeTlsFile(std::string TlsFiles::*field) {
  return [field](const std::string& value, ServerConfig* config) {
    config->cluster.tls.*field = value;
    return absl::OkStatus();
  };
}

Setter ClusterText(std::string ClusterConfig::*field) {
  return [field](const std::string& value, ServerConfig* config) {
    config->cluster.*field = value;
    return absl::OkStatus();
  };
}

Setter ClusterNumber(uint32_t ClusterConfig::*field, uint32_t min,
                     uint32_t max) {
  return [field, min, max](const std::string& value, ServerConfig* config) {
    return ParseNumber(value, min, max, &(config->cluster.*field));
  };
}

// What `parse` makes of the value.
template <typename T, typename Parse>
Setter ClusterList(T ClusterConfig::*field, Parse parse) {
  return [field, parse](const std::string& value, ServerConfig* config) {
    auto parsed = parse(value);
    if (parsed.ok()) config->cluster.*field = *std::move(parsed);
    return parsed.status();
  };
}

absl::Status SetPeerListen(const std::string& value, ServerConfig* config) {
  if (value.empty()) {
    config->cluster.peer_listen.reset();
    return absl::OkStatus();
  }
  absl::StatusOr<ListenAddress> address = ListenAddress::Parse(value);
  if (address.ok()) config->cluster.peer_listen = *address;
  return address.status();
}

absl::Status SetDataDir(const std::string& value, ServerConfig* config) {
  if (value.empty()) return Wrong("must name a directory");
  config->data_dir = value;
  return absl::OkStatus();
}

absl::Status SetLogFormat(const std::string& value, ServerConfig* config) {
  absl::StatusOr<LogFormat> format = ParseLogFormat(value);
  if (!format.ok()) return format.status();
  config->log_format = *format;
  return absl::OkStatus();
}

absl::Status SetLogLevel(const std::string& value, ServerConfig* config) {
  absl::StatusOr<LogLevel> level = ParseLogLevel(value);
  if (!level.ok()) return level.status();
  config->log_level = *level;
  return absl::OkStatus();
}

const std::map<std::string, Setter>& Setters() {
  constexpr uint64_t kMiB = 1 << 20;
  constexpr uint64_t kTiB = uint64_t{1} << 40;
  static const auto* const setters = new std::map<std::string, Setter>{
      {"data_dir", SetDataDir},
      {"listen", Address(&ServerConfig::listen)},
      {"metrics_listen", Address(&ServerConfig::metrics_listen)},
      {"tls_cert", TlsFile(&TlsFiles::cert)},
      {"tls_key", TlsFile(&TlsFiles::key)},
      {"tls_client_ca", TlsFile(&TlsFiles::ca)},
      {"insecure_allow_remote", Bool(&ServerConfig::insecure_allow_remote)},
      {"accept_clock_behind", Bool(&ServerConfig::accept_clock_behind)},
      {"log_format", SetLogFormat},
      {"log_level", SetLogLevel},
      {"memory", Bytes(&ServerConfig::memory_bytes, kMemoryBytesMin, kTiB)},
      {"segment_size", Bytes(&ServerConfig::segment_bytes, 4 * kMiB, kTiB)},
      {"disk_low", DiskBytes(&DiskSettings::low_bytes)},
      {"disk_critical", DiskBytes(&DiskSettings::critical_bytes)},
      {"disk_ballast", DiskBytes(&DiskSettings::ballast_bytes)},
      {"shards", Number(&ServerConfig::shards, 0, 256)},
      {"reader_threads", Number(&ServerConfig::reader_threads, 1, 64)},
      {"scrub_period_hours",
       Number(&ServerConfig::scrub_period_hours, 1, 24 * 366)},
      {"scrub_rate_max",
       Bytes(&ServerConfig::scrub_bytes_per_second_max, 64 << 10, kTiB)},
      {"node_id", ClusterNumber(&ClusterConfig::node_id, 1, kNodeIdMax)},
      {"peers", ClusterList(&ClusterConfig::peers, ParsePeers)},
      {"join", ClusterList(&ClusterConfig::join, ParseAddressList)},
      {"peer_listen", SetPeerListen},
      {"advertise", ClusterText(&ClusterConfig::advertise)},
      {"peer_advertise", ClusterText(&ClusterConfig::peer_advertise)},
      {"rack", ClusterText(&ClusterConfig::rack)},
      {"node_tls_cert", NodeTlsFile(&TlsFiles::cert)},
      {"node_tls_key", NodeTlsFile(&TlsFiles::key)},
      {"node_tls_ca", NodeTlsFile(&TlsFiles::ca)},
      {"election_timeout_ms",
       ClusterNumber(&ClusterConfig::election_timeout_ms, 100, 10'000)},
      {"replace_after_seconds",
       ClusterNumber(&ClusterConfig::replace_after_seconds, 0, 86'400)},
  };
  return *setters;
}

// "FILE:LINE: ".
std::string Place(std::string_view file, const YAML::Mark& mark) {
  return absl::StrCat(ToAbsl(file), ":", mark.line + 1, ": ");
}

absl::Status SetKey(std::string_view file, const YAML::Node& key,
                    const YAML::Node& value, ServerConfig* config) {
  const std::string name = key.IsScalar() ? key.Scalar() : "?";
  const auto setter = Setters().find(name);
  if (setter == Setters().end()) {
    std::vector<std::string> known;
    for (const auto& [known_name, unused] : Setters()) {
      known.push_back(known_name);
    }
    return Wrong(absl::StrCat(Place(file, key.Mark()), "unknown key \"", name,
                              "\"; known keys: ", absl::StrJoin(known, ", ")));
  }
  if (!value.IsScalar()) {
    return Wrong(absl::StrCat(Place(file, key.Mark()), name,
                              ": must be a single value"));
  }
  absl::Status set = setter->second(value.Scalar(), config);
  if (set.ok()) return set;
  return Wrong(absl::StrCat(Place(file, value.Mark()), name, ": \"",
                            value.Scalar(), "\": ", set.message()));
}

absl::Status CheckTls(const TlsFiles& files) {
  if (files.cert.empty() && files.key.empty() && !files.ca.empty()) {
    return Wrong(
        "tls_client_ca is set without tls_cert and tls_key: TLS needs them");
  }
  return LoadTlsFiles(files).status();
}

// Addresses that other machines can reach need TLS, or consent.
absl::Status CheckAddresses(const ServerConfig& config) {
  if (config.insecure_allow_remote) return absl::OkStatus();
  if (config.tls.cert.empty() && !config.listen.IsLoopback()) {
    return Wrong(absl::StrCat(config.listen.ToString(),
                              " can be reached from other machines, without "
                              "encryption or access rules: set tls_cert and "
                              "tls_key, or give --insecure-allow-remote if "
                              "that is meant"));
  }
  if (!config.metrics_listen.IsLoopback()) {
    return Wrong(absl::StrCat(config.metrics_listen.ToString(),
                              " can be reached from other machines, and "
                              "metrics have no encryption or access rules: "
                              "give --insecure-allow-remote if that is meant"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ServerConfig> Read(std::string_view file,
                                  const YAML::Node& root) {
  ServerConfig config;
  if (root.IsNull()) return config;
  if (!root.IsMap()) {
    return Wrong(
        absl::StrCat(Place(file, root.Mark()), "must be \"key: value\" lines"));
  }
  std::set<std::string> seen;
  for (const auto& pair : root) {
    if (pair.first.IsScalar() && !seen.insert(pair.first.Scalar()).second) {
      return Wrong(absl::StrCat(Place(file, pair.first.Mark()),
                                pair.first.Scalar(), ": comes twice"));
    }
    absl::Status set = SetKey(file, pair.first, pair.second, &config);
    if (!set.ok()) return set;
  }
  return config;
}

}  // namespace

absl::StatusOr<ServerConfig> ParseConfig(std::string_view file,
                                         const std::string& text) {
  try {
    return Read(file, YAML::Load(text));
  } catch (const YAML::Exception& error) {
    return Wrong(absl::StrCat(Place(file, error.mark), error.msg));
  }
}

absl::StatusOr<ServerConfig> LoadConfig(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    // An empty file sets nothing and makes `<<` fail.
    if (file.is_open() && text.str().empty()) return ServerConfig();
    return absl::NotFoundError(
        absl::StrCat("cannot read the configuration file ", path));
  }
  return ParseConfig(path, text.str());
}

absl::Status SetConfigKey(const std::string& key, const std::string& value,
                          ServerConfig* config) {
  const auto setter = Setters().find(key);
  if (setter == Setters().end()) return Wrong("unknown key " + key);
  absl::Status set = setter->second(value, config);
  if (set.ok()) return set;
  return Wrong(absl::StrCat("\"", value, "\": ", set.message()));
}

absl::Status CheckConfig(const ServerConfig& config) {
  if (config.data_dir.empty()) {
    return Wrong("no data directory: give --data-dir, or data_dir in the file");
  }
  if (absl::Status tls = CheckTls(config.tls); !tls.ok()) return tls;
  if (absl::Status safe = CheckAddresses(config); !safe.ok()) return safe;
  absl::Status cluster = CheckClusterConfig(config.cluster, config.listen,
                                            config.insecure_allow_remote);
  if (!cluster.ok()) return cluster;
  const DiskSettings& disk = config.disk;
  if (disk.low_bytes.has_value() && disk.critical_bytes.has_value() &&
      *disk.low_bytes < *disk.critical_bytes) {
    return Wrong(absl::StrCat("disk_low ", *disk.low_bytes,
                              " is less than disk_critical ",
                              *disk.critical_bytes, ": it must be more"));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ParseByteSize(std::string_view text) {
  static constexpr std::pair<std::string_view, uint64_t> kUnits[] = {
      {"KiB", uint64_t{1} << 10},
      {"MiB", uint64_t{1} << 20},
      {"GiB", uint64_t{1} << 30},
      {"TiB", uint64_t{1} << 40},
      {"KB", 1'000},
      {"MB", 1'000'000},
      {"GB", 1'000'000'000},
      {"TB", 1'000'000'000'000},
  };
  std::string_view digits = text;
  uint64_t unit = 1;
  for (const auto& [name, bytes] : kUnits) {
    if (digits.ends_with(name)) {
      digits.remove_suffix(name.size());
      unit = bytes;
      break;
    }
  }
  while (digits.ends_with(' ')) digits.remove_suffix(1);
  uint64_t number;
  if (digits.empty() ||
      digits.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(ToAbsl(digits), &number) ||
      number > std::numeric_limits<uint64_t>::max() / unit) {
    return Wrong(absl::StrCat("\"", ToAbsl(text),
                              "\" is not a size, e.g. 512MiB, 8GiB, 4096"));
  }
  return number * unit;
}

}  // namespace kappa::server

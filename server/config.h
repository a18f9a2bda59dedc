// ServerConfig: the settings of kappad, from a file and from flags. Every key
// of the file is documented in kappad.example.yaml.
#ifndef KAPPA_SERVER_CONFIG_H_
#define KAPPA_SERVER_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/tls_material.h"
#include "server/cluster_config.h"
#include "server/disk_limits.h"
#include "server/listen_address.h"
#include "server/logging.h"
#include "server/memory_budget.h"

namespace kappa::server {

struct ServerConfig {
  std::string data_dir;
  ListenAddress listen{"127.0.0.1", 7400};
  ListenAddress metrics_listen{"127.0.0.1", 7600};
  TlsFiles tls;  // of `listen`; without a certificate it is plain text
  bool insecure_allow_remote = false;
  bool accept_clock_behind = false;
  LogFormat log_format = LogFormat::kAuto;
  LogLevel log_level = LogLevel::kInfo;
  uint64_t memory_bytes = kMemoryBytesDefault;
  uint64_t segment_bytes = uint64_t{8} << 30;
  uint32_t shards = 0;  // 0: one per core
  uint32_t reader_threads = 2;
  uint32_t scrub_period_hours = 7 * 24;
  uint64_t scrub_bytes_per_second_max = uint64_t{64} << 20;
  DiskSettings disk;
  ClusterConfig cluster;
};

// The settings in `text`, on top of the defaults. `file` names it in errors.
// Errors: INVALID_ARGUMENT: "FILE:LINE: KEY: why" for an unknown key, a key
// that comes twice, or a wrong value, which is named.
absl::StatusOr<ServerConfig> ParseConfig(std::string_view file,
                                         const std::string& text);

// Reads and parses the file. Errors: as above; NOT_FOUND: cannot be read.
absl::StatusOr<ServerConfig> LoadConfig(const std::string& path);

// Sets the key as if it stood in a file, on top of `config`.
// Errors: INVALID_ARGUMENT naming key and value.
absl::Status SetConfigKey(const std::string& key, const std::string& value,
                          ServerConfig* config);

// What no single key shows to be wrong: addresses that other machines can reach
// without TLS or insecure_allow_remote, no data directory, files of TLS that
// cannot be read or do not fit together.
// Errors: INVALID_ARGUMENT, saying what to do.
absl::Status CheckConfig(const ServerConfig& config);

// "512MiB", "8GiB", "100KB", "4096": a number of bytes.
// Errors: INVALID_ARGUMENT naming the text.
absl::StatusOr<uint64_t> ParseByteSize(std::string_view text);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_CONFIG_H_

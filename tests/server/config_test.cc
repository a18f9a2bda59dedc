#include "server/config.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kappa::server {
namespace {

using testing::HasSubstr;

std::string ErrorOf(const std::string& text) {
  absl::StatusOr<ServerConfig> config = ParseConfig("k.yaml", text);
  if (config.ok()) return "OK";
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(config.status().message());
}

TEST(ConfigTest, EveryKey) {
  absl::StatusOr<ServerConfig> config = ParseConfig("k.yaml", R"(
data_dir: /data/kappa
listen: "[::1]:7401"
metrics_listen: localhost:0
tls_cert: /tls/cert.pem
tls_key: /tls/key.pem
tls_client_ca: /tls/ca.pem
insecure_allow_remote: true
accept_clock_behind: true
log_format: json
log_level: warning
memory: 1GiB
segment_size: 64 MiB
shards: 3
reader_threads: 4
disk_low: 30MiB
disk_critical: 20MiB
disk_ballast: 10MiB
)");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->data_dir, "/data/kappa");
  EXPECT_EQ(config->listen, (ListenAddress{"::1", 7401}));
  EXPECT_EQ(config->metrics_listen, (ListenAddress{"localhost", 0}));
  EXPECT_EQ(config->tls,
            (TlsFiles{"/tls/cert.pem", "/tls/key.pem", "/tls/ca.pem"}));
  EXPECT_TRUE(config->insecure_allow_remote);
  EXPECT_TRUE(config->accept_clock_behind);
  EXPECT_EQ(config->log_format, LogFormat::kJson);
  EXPECT_EQ(config->log_level, LogLevel::kWarning);
  EXPECT_EQ(config->memory_bytes, uint64_t{1} << 30);
  EXPECT_EQ(config->segment_bytes, uint64_t{64} << 20);
  EXPECT_EQ(config->shards, 3u);
  EXPECT_EQ(config->reader_threads, 4u);
  EXPECT_EQ(config->disk.low_bytes, uint64_t{30} << 20);
  EXPECT_EQ(config->disk.critical_bytes, uint64_t{20} << 20);
  EXPECT_EQ(config->disk.ballast_bytes, uint64_t{10} << 20);
}

TEST(ConfigTest, AnEmptyFileMeansTheDefaults) {
  absl::StatusOr<ServerConfig> config = ParseConfig("k.yaml", "# nothing\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->listen, (ListenAddress{"127.0.0.1", 7400}));
  EXPECT_EQ(config->memory_bytes, kMemoryBytesDefault);
}

TEST(ConfigTest, ErrorsNameFileLineKeyAndValue) {
  EXPECT_THAT(ErrorOf("data_dir: /x\n\nlisen: 1\n"),
              testing::AllOf(HasSubstr("k.yaml:3: unknown key \"lisen\""),
                             HasSubstr("listen")));
  EXPECT_THAT(ErrorOf("shards: many\n"),
              HasSubstr("k.yaml:1: shards: \"many\": must be a number"));
  EXPECT_THAT(ErrorOf("data_dir: /x\nmemory: 64MiB\n"),
              HasSubstr("k.yaml:2: memory: \"64MiB\": must be from"));
  EXPECT_THAT(ErrorOf("memory: lots\n"), HasSubstr("not a size"));
  EXPECT_THAT(ErrorOf("listen: 7400\n"), HasSubstr("not HOST:PORT"));
  EXPECT_THAT(ErrorOf("insecure_allow_remote: yes\n"),
              HasSubstr("must be true or false"));
  EXPECT_THAT(ErrorOf("shards: 1\nshards: 2\n"),
              HasSubstr("k.yaml:2: shards: comes twice"));
  EXPECT_THAT(ErrorOf("shards: [1, 2]\n"), HasSubstr("k.yaml:1: shards"));
  EXPECT_THAT(ErrorOf("- a\n- b\n"), HasSubstr("k.yaml:1"));
  EXPECT_THAT(ErrorOf("shards: {\n"), HasSubstr("k.yaml:"));
  EXPECT_THAT(ErrorOf("log_level: loud\n"), HasSubstr("debug, info"));
  EXPECT_THAT(ErrorOf("log_format: xml\n"), HasSubstr("auto, text or json"));
  EXPECT_THAT(ErrorOf("reader_threads: 0\n"), HasSubstr("from 1 to 64"));
  EXPECT_THAT(ErrorOf("data_dir: ''\n"), HasSubstr("must name a directory"));
}

// The documented example is complete, valid, and shows the defaults.
TEST(ConfigTest, TheExampleShowsTheDefaults) {
  const std::string path = "server/kappad.example.yaml";
  absl::StatusOr<ServerConfig> example = LoadConfig(path);
  ASSERT_TRUE(example.ok()) << example.status();
  ServerConfig defaults;
  EXPECT_EQ(example->listen, defaults.listen);
  EXPECT_EQ(example->metrics_listen, defaults.metrics_listen);
  EXPECT_EQ(example->tls, defaults.tls);
  EXPECT_EQ(example->insecure_allow_remote, defaults.insecure_allow_remote);
  EXPECT_EQ(example->accept_clock_behind, defaults.accept_clock_behind);
  EXPECT_EQ(example->log_format, defaults.log_format);
  EXPECT_EQ(example->log_level, defaults.log_level);
  EXPECT_EQ(example->memory_bytes, defaults.memory_bytes);
  EXPECT_EQ(example->segment_bytes, defaults.segment_bytes);
  EXPECT_EQ(example->shards, defaults.shards);
  EXPECT_EQ(example->reader_threads, defaults.reader_threads);
  // Every key that is known stands there: the error lists them all.
  const std::string known = ErrorOf("zzz: 1\n");
  std::ifstream file(path);
  std::string line;
  int keys = 0;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    ++keys;
    EXPECT_THAT(known, HasSubstr(line.substr(0, line.find(':'))));
  }
  EXPECT_EQ(keys, 1 + std::count(known.begin(), known.end(), ','));
}

TEST(ConfigTest, AMissingFileIsNotFound) {
  EXPECT_EQ(LoadConfig("/nowhere/k.yaml").status().code(),
            absl::StatusCode::kNotFound);
}

TEST(ConfigTest, RemoteAddressesNeedConsent) {
  ServerConfig config;
  EXPECT_THAT(CheckConfig(config).message(), HasSubstr("no data directory"));
  config.data_dir = "/x";
  EXPECT_TRUE(CheckConfig(config).ok());
  config.listen.host = "0.0.0.0";
  EXPECT_THAT(CheckConfig(config).message(),
              HasSubstr("--insecure-allow-remote"));
  config.insecure_allow_remote = true;
  EXPECT_TRUE(CheckConfig(config).ok());
  config.insecure_allow_remote = false;
  config.listen.host = "127.0.0.1";
  config.metrics_listen.host = "example.org";
  EXPECT_FALSE(CheckConfig(config).ok());
}

// What else can be wrong with the files: tests/process/tls_test.py.
TEST(ConfigTest, TlsFilesMustBeUsable) {
  ServerConfig config;
  config.data_dir = "/x";
  config.tls.ca = "/nowhere/ca.pem";
  EXPECT_THAT(CheckConfig(config).message(),
              HasSubstr("without tls_cert and tls_key"));
  config.tls = {"/nowhere/cert.pem", "/nowhere/key.pem", ""};
  EXPECT_THAT(CheckConfig(config).message(),
              HasSubstr("TLS certificate /nowhere/cert.pem: cannot be read"));
}

TEST(ConfigTest, ByteSizes) {
  EXPECT_EQ(*ParseByteSize("4096"), 4096u);
  EXPECT_EQ(*ParseByteSize("3KiB"), 3072u);
  EXPECT_EQ(*ParseByteSize("2 GB"), 2'000'000'000u);
  EXPECT_EQ(*ParseByteSize("1TiB"), uint64_t{1} << 40);
  for (const char* wrong :
       {"", "MiB", "-1", "1.5GiB", "1 PB", "0x10", "99999999999999TiB"}) {
    EXPECT_FALSE(ParseByteSize(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace kappa::server

#include "server/command_line.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kappa::server {
namespace {

using testing::HasSubstr;

CommandLine Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "kappad");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

std::string WriteConfig(const std::string& text) {
  const std::string path = testing::TempDir() + "/kappad.yaml";
  std::ofstream(path) << text;
  return path;
}

TEST(CommandLineTest, NoArgumentsSayWhatToDo) {
  const CommandLine line = Parse({});
  EXPECT_EQ(line.exit_code, 2);
  EXPECT_THAT(line.output, HasSubstr("kappad --dev"));
}

TEST(CommandLineTest, HelpAndVersion) {
  EXPECT_EQ(Parse({"--help"}).exit_code, 0);
  EXPECT_THAT(Parse({"--help"}).output, HasSubstr("--insecure-allow-remote"));
  EXPECT_EQ(Parse({"--version"}).exit_code, 0);
  EXPECT_EQ(Parse({"--version"}).output, "kappad 0.1.0\n");
}

TEST(CommandLineTest, DevHasADefaultDirectory) {
  setenv("XDG_DATA_HOME", "/xdg", 1);
  CommandLine line = Parse({"--dev"});
  ASSERT_TRUE(line.config.has_value()) << line.output;
  EXPECT_EQ(line.config->data_dir, "/xdg/kappa");
  unsetenv("XDG_DATA_HOME");
  setenv("HOME", "/home/someone", 1);
  EXPECT_EQ(Parse({"--dev"}).config->data_dir,
            "/home/someone/.local/share/kappa");
  EXPECT_EQ(Parse({"--dev", "--data-dir", "/d"}).config->data_dir, "/d");
}

TEST(CommandLineTest, WithoutDevADirectoryIsNeeded) {
  const CommandLine line = Parse({"--listen", "127.0.0.1:1"});
  EXPECT_EQ(line.exit_code, 2);
  EXPECT_THAT(line.output, HasSubstr("--data-dir"));
}

TEST(CommandLineTest, AFreePortMeansFreeMetricsToo) {
  const CommandLine line =
      Parse({"--data-dir", "/d", "--listen", "127.0.0.1:0"});
  EXPECT_EQ(line.config->listen.port, 0);
  EXPECT_EQ(line.config->metrics_listen.port, 0);
  EXPECT_EQ(Parse({"--data-dir", "/d", "--listen", "127.0.0.1:0",
                   "--metrics-listen", "127.0.0.1:9"})
                .config->metrics_listen.port,
            9);
  EXPECT_EQ(Parse({"--data-dir", "/d", "--listen", "127.0.0.1:5"})
                .config->metrics_listen.port,
            7600);
}

TEST(CommandLineTest, FlagsWinOverTheFile) {
  const std::string path =
      WriteConfig("data_dir: /file\nlog_level: error\nlisten: 127.0.0.1:1\n");
  const CommandLine line = Parse({"--config", path.c_str(), "--listen",
                                  "127.0.0.1:2", "--log-format", "text"});
  ASSERT_TRUE(line.config.has_value()) << line.output;
  EXPECT_EQ(line.config->data_dir, "/file");
  EXPECT_EQ(line.config->listen.port, 2);
  EXPECT_EQ(line.config->log_level, LogLevel::kError);
  EXPECT_EQ(line.config->log_format, LogFormat::kText);
}

TEST(CommandLineTest, WrongUsage) {
  const std::string bad_file = WriteConfig("data_dir: /x\nnope: 1\n");
  const struct {
    std::vector<const char*> arguments;
    const char* message;
  } cases[] = {
      {{"--nope"}, "--nope"},
      {{"extra"}, "extra"},
      {{"--dev", "--data-dir"}, "--data-dir"},
      {{"--dev", "--data-dir", ""}, "--data-dir: the value is empty"},
      {{"--dev", "--data-dir="}, "--data-dir"},
      {{"--config", ""}, "--config: the value is empty"},
      {{"--data-dir", "/d", "--listen", "7400"}, "--listen: \"7400\" is not"},
      {{"--data-dir", "/d", "--listen", "0.0.0.0:7400"},
       "--insecure-allow-remote"},
      {{"--data-dir", "/d", "--log-format", "xml"}, "--log-format: must be"},
      {{"--data-dir", "/d", "--log-level", "loud"}, "--log-level: must be"},
      {{"--config", bad_file.c_str()}, ":2: unknown key \"nope\""},
      {{"--config", "/nowhere"}, "cannot read the configuration file"},
  };
  for (const auto& c : cases) {
    const CommandLine line = Parse(c.arguments);
    EXPECT_EQ(line.exit_code, 2) << c.message;
    EXPECT_FALSE(line.config.has_value());
    EXPECT_THAT(line.output, HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace kappa::server

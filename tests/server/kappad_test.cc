// The program kappad as a process: addresses, exit codes, signals.
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "httplib.h"
#include "kappa/v1/log_service.grpc.pb.h"
#include "kappa/v1/topic_service.grpc.pb.h"
#include "tests/process/kappad_process.h"

namespace kappa::server {
namespace {

using tests::KappadProcess;

std::string ReadFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class KappadTest : public testing::Test {
 protected:
  struct Stubs {
    std::unique_ptr<v1::LogService::Stub> log;
    std::unique_ptr<v1::TopicService::Stub> topics;
  };

  static Stubs StubsOf(const KappadProcess& process) {
    auto channel = grpc::CreateChannel(process.address(),
                                       grpc::InsecureChannelCredentials());
    return {v1::LogService::NewStub(channel),
            v1::TopicService::NewStub(channel)};
  }

  static void SetDeadline(grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() +
                          std::chrono::seconds(20));
  }

  static void CreateTopic(const Stubs& stubs, const std::string& name) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::CreateTopicRequest request;
    request.set_name(name);
    v1::CreateTopicResponse response;
    const grpc::Status status =
        stubs.topics->CreateTopic(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  static grpc::Status Append(const Stubs& stubs, const std::string& topic,
                             const std::string& value) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::AppendRequest request;
    request.set_topic(topic);
    request.mutable_batch()->mutable_records()->add_records()->set_value(value);
    v1::AppendResponse response;
    return stubs.log->Append(&context, request, &response);
  }

  // Expects that `process` ends by itself with that exit code when it is
  // started; returns its log.
  static std::string ExpectExit(KappadProcess* process, int exit_code) {
    const absl::Status started = process->Start();
    EXPECT_EQ(started.code(), absl::StatusCode::kInternal) << started;
    EXPECT_TRUE(absl::StrContains(started.message(),
                                  absl::StrCat("ended with ", exit_code, ":")))
        << started;
    return process->LogTail();
  }
};

TEST_F(KappadTest, ServesAndEndsCleanly) {
  KappadProcess process;
  ASSERT_TRUE(process.Start().ok()) << process.LogTail();
  const Stubs stubs = StubsOf(process);
  CreateTopic(stubs, "orders");
  EXPECT_TRUE(Append(stubs, "orders", "a").ok());
  const std::string metrics = ReadFile(process.data_dir() + "/metrics_address");
  ASSERT_FALSE(metrics.empty());
  httplib::Client http("http://" + metrics.substr(0, metrics.size() - 1));
  const auto page = http.Get("/metrics");
  ASSERT_TRUE(page);
  EXPECT_NE(page->body.find("\nkappa_appends_total 1\n"), std::string::npos)
      << page->body;
  // An open stream and an open replay do not hold up the end.
  grpc::ClientContext stream_context;
  auto stream = stubs.log->AppendStream(&stream_context);
  grpc::ClientContext replay_context;
  v1::ReplayRequest request;
  request.set_topic("orders");
  auto replay = stubs.log->Replay(&replay_context, request);
  v1::ReplayResponse response;
  ASSERT_TRUE(replay->Read(&response));
  const absl::Time begun = absl::Now();
  absl::StatusOr<int> code = process.Terminate();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0) << process.LogTail();
  EXPECT_LT(absl::Now() - begun, absl::Seconds(5));
  while (replay->Read(&response)) {
  }
  EXPECT_EQ(replay->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(std::filesystem::exists(process.data_dir() + "/address"));
  EXPECT_FALSE(
      std::filesystem::exists(process.data_dir() + "/metrics_address"));
  // Not a terminal: every line of the log is JSON.
  std::istringstream log(ReadFile(process.LogPath()));
  std::string line;
  bool served = false;
  while (std::getline(log, line)) {
    served |= line.find("\"event\":\"serving\"") != std::string::npos;
  }
  EXPECT_TRUE(served) << process.LogTail();
}

TEST_F(KappadTest, WhatWasAcknowledgedSurvivesAKill) {
  KappadProcess process;
  ASSERT_TRUE(process.Start().ok()) << process.LogTail();
  CreateTopic(StubsOf(process), "orders");
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(
        Append(StubsOf(process), "orders", "v" + std::to_string(i)).ok());
  }
  process.Kill();
  ASSERT_TRUE(process.Start().ok()) << process.LogTail();
  const Stubs stubs = StubsOf(process);
  grpc::ClientContext context;
  SetDeadline(&context);
  v1::ReadRequest request;
  request.set_topic("orders");
  v1::ReadResponse response;
  ASSERT_TRUE(stubs.log->Read(&context, request, &response).ok());
  EXPECT_EQ(response.end_offset(), 50u);
}

TEST_F(KappadTest, APortInUseIsExitCode1) {
  KappadProcess first;
  ASSERT_TRUE(first.Start().ok()) << first.LogTail();
  KappadProcess::Options options;
  options.listen = first.address();
  options.args = {"--dev", "--metrics-listen", "127.0.0.1:0"};
  KappadProcess second(options);
  const std::string log = ExpectExit(&second, 1);
  EXPECT_NE(log.find("another kappad"), std::string::npos) << log;
}

TEST_F(KappadTest, ADirectoryInUseIsExitCode1) {
  KappadProcess first;
  ASSERT_TRUE(first.Start().ok()) << first.LogTail();
  KappadProcess::Options options;
  options.data_dir = first.data_dir() + "/.";
  KappadProcess second(options);
  ExpectExit(&second, 1);
  // The first one is not disturbed.
  CreateTopic(StubsOf(first), "orders");
}

TEST_F(KappadTest, WrongUsageIsExitCode2) {
  KappadProcess::Options options;
  options.args = {"--dev", "--no-such-flag"};
  KappadProcess unknown(options);
  std::string log = ExpectExit(&unknown, 2);
  EXPECT_NE(log.find("--no-such-flag"), std::string::npos) << log;
  options.args = {"--dev", "--metrics-listen", "0.0.0.0:0"};
  KappadProcess remote(options);
  log = ExpectExit(&remote, 2);
  EXPECT_NE(log.find("--insecure-allow-remote"), std::string::npos) << log;
}

// RELIABILITY.md S4: a directory that forgot something it promised.
TEST_F(KappadTest, ADirectoryThatForgotIsExitCode4) {
  KappadProcess process;
  ASSERT_TRUE(process.Start().ok()) << process.LogTail();
  CreateTopic(StubsOf(process), "orders");
  ASSERT_TRUE(Append(StubsOf(process), "orders", "a").ok());
  process.Kill();
  int removed = 0;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(process.data_dir())) {
    const std::string name = file.path().filename();
    if (file.path().extension() == ".log" &&
        name.find_first_not_of("0123456789.log") == std::string::npos) {
      std::filesystem::remove(file.path());
      ++removed;
    }
  }
  ASSERT_GT(removed, 0);
  ExpectExit(&process, 4);
}

// RELIABILITY.md S9: a write that fails ends the process within 1 s. Here the
// system refuses to let any file grow beyond 16 MiB.
TEST_F(KappadTest, AFailedWriteIsExitCode5) {
  const std::string script = testing::TempDir() + "/limited_kappad.sh";
  std::ofstream(script) << "#!/bin/sh\nulimit -f 32768\nexec "
                        << tests::KappadBinary() << " \"$@\"\n";
  chmod(script.c_str(), 0755);
  KappadProcess::Options options;
  options.binary = script;
  KappadProcess process(options);
  ASSERT_TRUE(process.Start().ok()) << process.LogTail();
  const Stubs stubs = StubsOf(process);
  CreateTopic(stubs, "orders");
  const std::string value(1 << 20, 'x');
  int acknowledged = 0;
  grpc::Status status;
  do {
    status = Append(stubs, "orders", value);
    if (status.ok()) ++acknowledged;
  } while (status.ok() && acknowledged < 100);
  const absl::Time failed = absl::Now();
  absl::StatusOr<int> code = process.WaitForExit(absl::Seconds(10));
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 5) << process.LogTail();
  EXPECT_LT(absl::Now() - failed, absl::Seconds(1));
  // What was acknowledged before is there.
  KappadProcess::Options plain;
  plain.data_dir = process.data_dir();
  KappadProcess again(plain);
  ASSERT_TRUE(again.Start().ok()) << again.LogTail();
  grpc::ClientContext context;
  SetDeadline(&context);
  v1::GetOffsetsRequest request;
  request.set_topic("orders");
  v1::GetOffsetsResponse response;
  ASSERT_TRUE(
      StubsOf(again).log->GetOffsets(&context, request, &response).ok());
  EXPECT_GE(response.end_offset(), static_cast<uint64_t>(acknowledged));
  EXPECT_GT(acknowledged, 0);
}

}  // namespace
}  // namespace kappa::server

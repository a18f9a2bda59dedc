// check, dump and recover on the directory of a real kappad.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "kappa/v1/log_service.grpc.pb.h"
#include "kappa/v1/topic_service.grpc.pb.h"
#include "nlohmann/json.hpp"
#include "tests/process/kappad_process.h"
#include "tests/server/tools/tool_run.h"
#include "tests/storage/directory_damage.h"

namespace kappa::tests {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr int kBatches = 20;

// The directory of a kappad that was killed after it acknowledged kBatches
// batches of two records in topic "orders".
class KappadToolsTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = storage::FreshDirectory("data");
    KappadProcess::Options options;
    options.data_dir = directory_;
    process_ = std::make_unique<KappadProcess>(options);
    ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
    grpc::ClientContext context;
    v1::CreateTopicRequest create;
    create.set_name("orders");
    v1::CreateTopicResponse created;
    ASSERT_TRUE(v1::TopicService::NewStub(Channel())
                    ->CreateTopic(&context, create, &created)
                    .ok());
    for (int i = 0; i < kBatches; ++i) Append(i);
  }

  std::shared_ptr<grpc::Channel> Channel() const {
    return grpc::CreateChannel(process_->address(),
                               grpc::InsecureChannelCredentials());
  }
  void Append(int i, const std::string& topic = "orders") {
    grpc::ClientContext context;
    v1::AppendRequest request;
    request.set_topic(topic);
    auto* records = request.mutable_batch()->mutable_records();
    for (const char* half : {"a", "b"}) {
      v1::Record* record = records->add_records();
      record->set_key(absl::StrCat("key", i));
      record->set_value(absl::StrCat("value", i, half));
    }
    v1::AppendResponse response;
    ASSERT_TRUE(v1::LogService::NewStub(Channel())
                    ->Append(&context, request, &response)
                    .ok());
  }
  // After the last of it nothing was written: the last record of the log is
  // the last batch.
  void Kill() { process_->Kill(); }

  uint64_t EndOffset(const std::string& topic = "orders") {
    grpc::ClientContext context;
    v1::GetOffsetsRequest request;
    request.set_topic(topic);
    v1::GetOffsetsResponse response;
    const grpc::Status status = v1::LogService::NewStub(Channel())->GetOffsets(
        &context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.end_offset();
  }

  void CutLastRecords(size_t count) {
    const std::string wal = storage::WalOf(directory_);
    const std::vector<size_t> records = storage::WalRecords(wal);
    storage::CutAt(wal, records[records.size() - count]);
  }

  // But for what says where a kappad serves: the next start removes it.
  static std::map<std::string, std::string> Tree(const std::string& path) {
    std::map<std::string, std::string> tree = storage::TreeOf(path);
    tree.erase("address");
    tree.erase("metrics_address");
    return tree;
  }

  std::string OldDirectory() const {
    for (const auto& at :
         fs::directory_iterator(fs::path(directory_).parent_path())) {
      const std::string path = at.path().string();
      if (path.starts_with(directory_ + ".damaged-")) return path;
    }
    return "";
  }

  std::string directory_;
  std::unique_ptr<KappadProcess> process_;
};

TEST_F(KappadToolsTest, CheckOfAWholeDirectory) {
  ToolRun run = RunKappad({"check", directory_});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("in use by process"));
  Kill();
  run = RunKappad({"check", directory_});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("result: intact"));
  EXPECT_EQ(run.err, "") << "a bar where there is no terminal";
  run = RunKappad({"check", directory_, "-o", "json"});
  const json report = json::parse(run.out);
  EXPECT_EQ(report["exit_code"], 0);
  EXPECT_EQ(report["replicas"], 2);
  EXPECT_EQ(report["findings"].size(), 0u);
  EXPECT_EQ(report["watermark_cycle"], report["recovered_cycle"]);
}

TEST_F(KappadToolsTest, DumpPrintsRecords) {
  Kill();
  ToolRun run = RunKappad({"dump", directory_, "--topic", "orders",
                           "--partition", "0", "--from", "3", "--to", "6"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const std::vector<std::string> lines = absl::StrSplit(run.out, '\n');
  ASSERT_EQ(lines.size(), 4u) << run.out;
  for (uint64_t i = 0; i < 3; ++i) {
    const json record = json::parse(lines[i]);
    EXPECT_EQ(record["offset"], 3 + i);
    EXPECT_EQ(record["partition"], 0);
    EXPECT_EQ(record["key"], absl::StrCat("key", (3 + i) / 2));
    EXPECT_EQ(record["value"],
              absl::StrCat("value", (3 + i) / 2, i % 2 == 0 ? "b" : "a"));
  }
  run = RunKappad({"dump", directory_, "--topic", "other"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("knows no partition 0 of topic other"));
}

// What is asked for may have stood in the end that is lost.
TEST_F(KappadToolsTest, DumpTellsOfALostEnd) {
  Kill();
  CutLastRecords(2);
  ToolRun run = RunKappad({"dump", directory_, "--topic", "orders"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("the end of the partition may be lost: "));
  EXPECT_THAT(run.err, HasSubstr("are lost"));
  EXPECT_THAT(run.out, HasSubstr("value17b"));
  run = RunKappad({"dump", directory_, "--topic", "orders", "--to", "36"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  run = RunKappad({"dump", directory_, "--topic", "orders", "--to", "37"});
  EXPECT_EQ(run.exit_code, 4);
  fs::remove(directory_ + "/watermark");
  run = RunKappad({"dump", directory_, "--topic", "orders"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("watermark"));
}

// What only the watermark has a copy of is not shown, and not lost.
TEST_F(KappadToolsTest, ACycleThatStandsInTheWatermark) {
  Kill();
  CutLastRecords(1);
  ToolRun run = RunKappad({"dump", directory_, "--topic", "orders"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("stands in the watermark only"));
  run = RunKappad({"check", directory_});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("the last cycle stands in the watermark"));
  ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
  EXPECT_EQ(EndOffset(), 2u * kBatches);
}

TEST_F(KappadToolsTest, OutputThatCannotBeWritten) {
  Kill();
  const std::vector<std::string> dump = {"dump", directory_, "--topic",
                                         "orders"};
  const int full = open("/dev/full", O_WRONLY);
  for (const std::vector<std::string>& tool :
       {dump, std::vector<std::string>{"check", directory_}}) {
    const ToolRun run = RunKappadTo(full, tool);
    EXPECT_EQ(run.exit_code, 5) << run.err;
    EXPECT_THAT(run.err, HasSubstr("No space left on device"));
  }
  close(full);
  // A reader that has read enough is none of our business.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  const ToolRun run = RunKappadTo(ends[1], dump);
  close(ends[1]);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
}

TEST_F(KappadToolsTest, WrongUsage) {
  Kill();
  EXPECT_EQ(RunKappad({"check"}).exit_code, 2);
  EXPECT_EQ(RunKappad({"check", directory_, "-o", "xml"}).exit_code, 2);
  EXPECT_EQ(RunKappad({"dump", directory_}).exit_code, 2);
  EXPECT_EQ(RunKappad({"check", directory_ + "/none"}).exit_code, 1);
  const ToolRun run = RunKappad({"recover", directory_});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("--accept-loss"));
  EXPECT_EQ(RunKappad({"recover", "--help"}).exit_code, 0);
}

TEST_F(KappadToolsTest, RecoverDoesNothingToAWholeDirectory) {
  Kill();
  const auto before = Tree(directory_);
  const ToolRun run = RunKappad({"recover", directory_, "--accept-loss"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("nothing is damaged"));
  EXPECT_TRUE(Tree(directory_) == before);
  EXPECT_EQ(OldDirectory(), "");
}

// RELIABILITY.md S6.
TEST_F(KappadToolsTest, WhatOthersRememberIsNotRecoveredFrom) {
  Kill();
  std::ofstream(directory_ + "/FORGOT") << "node 2 has heard of its cycle 9";
  const auto before = Tree(directory_);
  ToolRun run = RunKappad({"check", directory_});
  EXPECT_EQ(run.exit_code, 4) << run.err;
  EXPECT_THAT(run.out, HasSubstr("FORGOT"));
  EXPECT_THAT(run.out, HasSubstr("node 2 has heard of its cycle 9"));
  EXPECT_THAT(run.out, HasSubstr("next: start kappad"));
  EXPECT_THAT(run.out, Not(HasSubstr("kappad recover")));
  run = RunKappad({"recover", directory_, "--accept-loss"});
  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("node 2 has heard of its cycle 9"));
  EXPECT_TRUE(Tree(directory_) == before);
  EXPECT_EQ(OldDirectory(), "");
}

// RELIABILITY.md S4, from refusal to service.
TEST_F(KappadToolsTest, RefusalCheckRecoverStart) {
  Kill();
  CutLastRecords(2);
  const auto before = Tree(directory_);
  // kappad says what is gone and what to do.
  const absl::Status started = process_->Start();
  EXPECT_THAT(std::string(started.message()), HasSubstr("ended with 4:"));
  for (const char* part :
       {"are lost", "watermark: cycle", "recovered: cycle", "/db",
        "nothing was changed", "kappad check ", "--accept-loss"}) {
    EXPECT_THAT(std::string(started.message()), HasSubstr(part));
  }
  EXPECT_THAT(std::string(started.message()), HasSubstr(directory_));
  ToolRun run = RunKappad({"check", directory_});
  EXPECT_EQ(run.exit_code, 4) << run.err;
  EXPECT_THAT(run.out, HasSubstr("kappad refuses to start"));
  EXPECT_THAT(run.out, HasSubstr("kappad recover " + directory_));
  EXPECT_TRUE(Tree(directory_) == before);

  run = RunKappad({"recover", directory_, "--accept-loss"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("are gone"));
  ASSERT_NE(OldDirectory(), "");
  EXPECT_TRUE(Tree(OldDirectory()) == before);
  EXPECT_EQ(RunKappad({"check", directory_}).exit_code, 0);
  ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
  EXPECT_EQ(EndOffset(), 2u * (kBatches - 2));
  Append(100);
  EXPECT_EQ(EndOffset(), 2u * (kBatches - 1));
  Kill();

  // The record stays, also through another recovery.
  CutLastRecords(2);
  fs::rename(OldDirectory(), directory_ + ".first");
  run = RunKappad({"recover", directory_, "--accept-loss"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(OldDirectory(), "");
  const auto records = storage::FilesIn(directory_, ".json");
  ASSERT_GE(records.size(), 1u);
  const json record = json::parse(storage::ReadAll(records.front()));
  EXPECT_TRUE(record["acknowledged_cycles_lost"]);
  EXPECT_EQ(record["logs"].size(), 2u);
  EXPECT_EQ(record["logs"][1]["partition"], "orders/0");
  EXPECT_EQ(record["logs"][1]["end_offset"], 2 * (kBatches - 2));
}

TEST_F(KappadToolsTest, RecoverWithoutAnyLog) {
  Kill();
  fs::remove(storage::WalOf(directory_));
  ToolRun run = RunKappad({"recover", directory_, "--accept-loss"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
}

// RELIABILITY.md S8: cycles that are lost before others which are there.
class KappadHoleTest : public KappadToolsTest {
 protected:
  size_t Records() const {
    return storage::WalRecords(storage::WalOf(directory_)).size();
  }
  void CreateTopic(const std::string& name) {
    grpc::ClientContext context;
    v1::CreateTopicRequest create;
    create.set_name(name);
    v1::CreateTopicResponse created;
    ASSERT_TRUE(v1::TopicService::NewStub(Channel())
                    ->CreateTopic(&context, create, &created)
                    .ok());
  }
  uint64_t OpenProducer(const std::string& name) {
    grpc::ClientContext context;
    v1::OpenProducerRequest request;
    request.set_name(name);
    request.set_topic("orders");
    v1::OpenProducerResponse response;
    const grpc::Status status =
        v1::LogService::NewStub(Channel())->OpenProducer(&context, request,
                                                         &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.epoch();
  }
  // The whole directory again, but for one record of its log.
  void LoseRecord(const std::string& whole, size_t record) {
    fs::remove_all(directory_);
    fs::remove_all(OldDirectory());
    storage::CopyTree(whole, directory_);
    storage::DropWalRecord(storage::WalOf(directory_), record);
  }
  json Record() const {
    return json::parse(
        storage::ReadAll(storage::FilesIn(directory_, ".json").front()));
  }
};

TEST_F(KappadHoleTest, InAPartitionsLog) {
  const size_t before = Records();
  Append(100);
  Append(101);
  CreateTopic("second");
  Kill();
  const std::string whole = directory_ + ".whole";
  storage::CopyTree(directory_, whole);
  LoseRecord(whole, before);
  EXPECT_THAT(std::string(process_->Start().message()),
              HasSubstr("ended with 4:"));
  const ToolRun run = RunKappad({"recover", directory_, "--accept-loss"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("are lost, cycle"));
  EXPECT_THAT(run.out, HasSubstr("given up: orders/0, offsets 40 to 43"));
  EXPECT_EQ(run.out.find("given up: second"), std::string::npos);
  const json record = Record();
  EXPECT_TRUE(record["acknowledged_cycles_lost"]);
  EXPECT_TRUE(record["metadata_made_from_its_log"]);
  EXPECT_THAT(std::string(record["hole"]), HasSubstr("are lost"));
  ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
  EXPECT_EQ(EndOffset(), 2u * kBatches);
  EXPECT_EQ(EndOffset("second"), 0u);
  Append(102);
}

// Whichever cycle of a topic's creation is lost: the topic is there with
// everything, or it is given up and said to be; nothing else is touched, and
// its group's id is given to another topic without its log.
TEST_F(KappadHoleTest, InATopicsCreation) {
  const size_t before = Records();
  CreateTopic("second");
  const size_t after = Records();
  ASSERT_GE(after, before + 2);
  Append(0, "second");
  Kill();
  const std::string whole = directory_ + ".whole";
  storage::CopyTree(directory_, whole);
  size_t given_up = 0;
  for (size_t record = before; record < after; ++record) {
    LoseRecord(whole, record);
    const ToolRun run = RunKappad({"recover", directory_, "--accept-loss"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const bool lost = run.out.find("given up: second/0") != std::string::npos;
    given_up += lost ? 1 : 0;
    ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
    EXPECT_EQ(EndOffset(), 2u * kBatches);
    if (lost) CreateTopic("third");
    EXPECT_EQ(EndOffset(lost ? "third" : "second"), lost ? 0u : 2u);
    Append(1, lost ? "third" : "second");
    Kill();
    EXPECT_EQ(RunKappad({"check", directory_}).exit_code, 0);
  }
  EXPECT_EQ(given_up, 1u) << "of " << after - before;
}

// An epoch that a lost command gave out is not given again.
TEST_F(KappadHoleTest, EpochsAreRaised) {
  EXPECT_EQ(OpenProducer("writer"), 1u);
  const size_t before = Records();
  EXPECT_EQ(OpenProducer("writer"), 2u);
  const size_t after = Records();
  Kill();
  CutLastRecords(after - before);
  EXPECT_EQ(RunKappad({"recover", directory_, "--accept-loss"}).exit_code, 0);
  ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
  const uint64_t raised = OpenProducer("writer");
  EXPECT_GT(raised, uint64_t{1'000'000'000'000'000});
  Append(0);
  Append(1);
  Append(2);
  Kill();
  storage::DropWalRecord(storage::WalOf(directory_), Records() - 2);
  fs::rename(OldDirectory(), directory_ + ".first");
  const ToolRun run = RunKappad({"recover", directory_, "--accept-loss"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("are lost, cycle"));
  ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
  EXPECT_GT(OpenProducer("writer"), raised + 1);
}

// At the very beginning: the metadata group's replica and first command.
TEST_F(KappadHoleTest, InTheClustersFormation) {
  Kill();
  const std::string whole = directory_ + ".whole";
  storage::CopyTree(directory_, whole);
  size_t refused = 0;
  for (size_t record = 0; record < 8; ++record) {
    LoseRecord(whole, record);
    const auto damaged = Tree(directory_);
    const ToolRun run = RunKappad({"recover", directory_, "--accept-loss"});
    if (run.exit_code == 1) {
      ++refused;
      EXPECT_THAT(run.err, HasSubstr("nothing is left of the metadata"));
      EXPECT_TRUE(Tree(directory_) == damaged);
      const ToolRun dump = RunKappad({"dump", directory_, "--topic", "orders"});
      EXPECT_THAT(dump.out, HasSubstr("value0a"));
      continue;
    }
    ASSERT_EQ(run.exit_code, 0) << run.err;
    ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
    const std::string told = run.out + Record().dump();
    // By number where the topic's creation is lost, too.
    if (told.find("given up: orders/0") == std::string::npos &&
        told.find("given up: group 1,") == std::string::npos) {
      EXPECT_EQ(EndOffset(), 2u * kBatches) << told;
    }
    Kill();
  }
  EXPECT_GE(refused, 1u);
  EXPECT_LE(refused, 2u);
}

TEST_F(KappadToolsTest, DamagedIdentity) {
  Kill();
  storage::FlipBit(directory_ + "/identity", 5);
  const absl::Status started = process_->Start();
  EXPECT_THAT(std::string(started.message()), HasSubstr("ended with 4:"));
  ToolRun run = RunKappad({"check", directory_});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.out, HasSubstr("identity"));
  run = RunKappad({"recover", directory_, "--accept-loss"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
  EXPECT_EQ(EndOffset(), 2u * kBatches);
}

TEST_F(KappadToolsTest, NothingIsTouchedWhenTheDatabaseCannotBeRead) {
  Kill();
  storage::WriteAll(directory_ + "/db/CURRENT", "MANIFEST-999999\n");
  const auto before = Tree(directory_);
  EXPECT_EQ(RunKappad({"check", directory_}).exit_code, 4);
  const ToolRun run = RunKappad({"recover", directory_, "--accept-loss"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("nothing was changed"));
  EXPECT_TRUE(Tree(directory_) == before);
}

}  // namespace
}  // namespace kappa::tests

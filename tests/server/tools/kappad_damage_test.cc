// A real kappad over a damaged sealed segment (RELIABILITY.md S4, S7): it
// starts, one partition answers DATA_LOSS, the others work; check names the
// damage, recover makes the partition usable again.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "kappa/v1/log_service.grpc.pb.h"
#include "kappa/v1/maintenance_service.grpc.pb.h"
#include "kappa/v1/topic_service.grpc.pb.h"
#include "tests/process/kappad_process.h"
#include "tests/server/tools/tool_run.h"
#include "tests/storage/directory_damage.h"

namespace kappa::tests {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr uint64_t kBatches = 12;  // of 1 MiB, per topic

class KappadDamageTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = storage::FreshDirectory("data");
    const std::string config = directory_ + ".yaml";
    std::ofstream(config) << "segment_size: 4MiB\n";
    KappadProcess::Options options;
    options.data_dir = directory_;
    options.args = {"--config", config};
    process_ = std::make_unique<KappadProcess>(options);
    ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
    for (const char* topic : {"left", "right"}) {
      grpc::ClientContext context;
      v1::CreateTopicRequest request;
      request.set_name(topic);
      v1::CreateTopicResponse response;
      ASSERT_TRUE(v1::TopicService::NewStub(Channel())
                      ->CreateTopic(&context, request, &response)
                      .ok());
    }
    for (uint64_t i = 0; i < kBatches; ++i) {
      ASSERT_TRUE(Append("left").ok());
      ASSERT_TRUE(Append("right").ok());
    }
    // A seal is recorded by a later cycle.
    while (SealedFiles().empty()) ASSERT_TRUE(Append("right").ok());
    process_->Kill();
  }

  std::shared_ptr<grpc::Channel> Channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(64 << 20);
    return grpc::CreateCustomChannel(
        process_->address(), grpc::InsecureChannelCredentials(), arguments);
  }
  grpc::Status Append(const std::string& topic) {
    grpc::ClientContext context;
    v1::AppendRequest request;
    request.set_topic(topic);
    request.mutable_batch()->mutable_records()->add_records()->set_value(
        std::string(1 << 20, topic[0]));
    v1::AppendResponse response;
    return v1::LogService::NewStub(Channel())->Append(&context, request,
                                                      &response);
  }
  // Reads from `offset` on, record by record, up to the end.
  struct ReadThrough {
    uint64_t records = 0;
    std::vector<uint64_t> lost;  // offsets answered with DATA_LOSS
  };
  ReadThrough Read(const std::string& topic) {
    ReadThrough through;
    uint64_t end = kBatches;
    for (uint64_t offset = 0; offset < end; ++offset) {
      grpc::ClientContext context;
      v1::ReadRequest request;
      request.set_topic(topic);
      request.mutable_options()->mutable_start()->set_offset(offset);
      request.mutable_options()->set_records_max(1);
      v1::ReadResponse response;
      const grpc::Status status = v1::LogService::NewStub(Channel())->Read(
          &context, request, &response);
      if (status.error_code() == grpc::StatusCode::DATA_LOSS) {
        through.lost.push_back(offset);
        continue;
      }
      EXPECT_TRUE(status.ok()) << status.error_message();
      if (!status.ok()) break;
      end = response.end_offset();
      for (const auto& batch : response.batches()) {
        for (const auto& record : batch.records().records()) {
          EXPECT_EQ(record.value(), std::string(1 << 20, topic[0]));
          ++through.records;
        }
      }
    }
    return through;
  }
  std::vector<std::string> SealedFiles() const {
    std::vector<std::string> files;
    for (const auto& at :
         fs::recursive_directory_iterator(directory_ + "/sealed")) {
      if (at.path().extension() == ".sst") files.push_back(at.path().string());
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  std::string directory_;
  std::unique_ptr<KappadProcess> process_;
};

TEST_F(KappadDamageTest, OnePartitionAnswersDataLoss) {
  const std::string file = SealedFiles().front();
  storage::FlipBit(file, fs::file_size(file) / 2);
  const ToolRun check = RunKappad({"check", directory_});
  EXPECT_EQ(check.exit_code, 3) << check.out;
  EXPECT_THAT(check.out, HasSubstr(fs::path(file).filename().string()));
  const bool left = check.out.find(" left/0 ") != std::string::npos;
  const std::string hit = left ? "left" : "right";
  const std::string other = left ? "right" : "left";
  EXPECT_THAT(check.out, Not(HasSubstr(other + "/0")));

  ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
  const ReadThrough good = Read(other);
  EXPECT_TRUE(good.lost.empty());
  EXPECT_GE(good.records, kBatches);
  EXPECT_TRUE(Append(other).ok());
  const ReadThrough bad = Read(hit);
  // More than one when the first or last entry of a term is hit: then the
  // partition cannot find out where it stands, and stops altogether.
  ASSERT_FALSE(bad.lost.empty());
  EXPECT_EQ(Append(hit).error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_TRUE(Append(other).ok());
  process_->Kill();

  const ToolRun dump = RunKappad({"dump", directory_, "--topic", hit});
  EXPECT_EQ(dump.exit_code, 3);
  EXPECT_THAT(dump.err, HasSubstr("passed over"));
  const auto lines = std::count(dump.out.begin(), dump.out.end(), '\n');
  EXPECT_GE(static_cast<uint64_t>(lines), bad.records);
  EXPECT_GE(static_cast<uint64_t>(lines), kBatches - 2);

  const ToolRun recover = RunKappad({"recover", directory_, "--accept-loss"});
  EXPECT_EQ(recover.exit_code, 0) << recover.err;
  EXPECT_THAT(recover.out, HasSubstr("given up: " + hit + "/0"));
  ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
  const ReadThrough kept = Read(hit);
  EXPECT_TRUE(kept.lost.empty());
  EXPECT_GE(kept.records, bad.lost.front());
  EXPECT_LT(kept.records, kBatches);
  EXPECT_TRUE(Append(hit).ok());
  EXPECT_EQ(Read(other).records, good.records + 2);
}

// RELIABILITY.md S11: damage that happens while it runs.
TEST_F(KappadDamageTest, TheScrubFindsDamageOfARunningNode) {
  ASSERT_TRUE(process_->Start().ok()) << process_->LogTail();
  const auto scrub = v1::MaintenanceService::NewStub(Channel());
  const auto wait_for_pass = [&](uint64_t pass) {
    v1::ScrubStatus status;
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    do {
      grpc::ClientContext context;
      v1::GetScrubStatusResponse response;
      EXPECT_TRUE(
          scrub
              ->GetScrubStatus(&context, v1::GetScrubStatusRequest(), &response)
              .ok());
      status = response.status();
    } while ((status.running() || status.pass() < pass) &&
             absl::Now() < deadline);
    return status;
  };
  const auto start_pass = [&] {
    grpc::ClientContext context;
    v1::StartScrubResponse response;
    EXPECT_TRUE(
        scrub->StartScrub(&context, v1::StartScrubRequest(), &response).ok());
    return response.pass();
  };
  // The first pass was over before anything was written.
  const v1::ScrubStatus first = wait_for_pass(start_pass());
  EXPECT_EQ(first.damaged_entries(), 0u);
  EXPECT_GE(first.entries(), 2 * kBatches);

  const std::string file = SealedFiles().front();
  storage::ZeroRange(file, 0, fs::file_size(file) * 3 / 4);
  const v1::ScrubStatus second = wait_for_pass(start_pass());
  EXPECT_GT(second.damaged_entries(), 0u);
  ASSERT_GT(second.damage_size(), 0);
  std::set<std::string> hit;
  for (const v1::DamagedEntries& damaged : second.damage()) {
    EXPECT_EQ(damaged.partition(), 0u);
    hit.insert(damaged.topic());
  }
  // Whoever was hit takes no appends any more; nobody else is kept from it.
  for (const char* topic : {"left", "right"}) {
    EXPECT_EQ(Append(topic).ok(), hit.count(topic) == 0) << topic;
  }
  EXPECT_THAT(process_->LogTail(20'000),
              HasSubstr("scrub: stored entries are damaged"));
}

}  // namespace
}  // namespace kappa::tests

#include "server/topic_rules.h"

#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

std::string ReasonOf(const absl::Status& status) {
  return status.ok() ? "OK" : ErrorInfoOf(status).reason();
}

TEST(TopicRulesTest, NamesAreChecked) {
  for (const char* name : {"a", "A-z_0.9", "...", ".a", "a..b"}) {
    EXPECT_EQ(ReasonOf(CheckName("topic", name)), "OK") << name;
  }
  EXPECT_EQ(ReasonOf(CheckName("topic", std::string(200, 'n'))), "OK");
  const std::vector<std::string> bad = {
      "",    ".",       "..",       "a/b",  std::string(201, 'n'),
      "a b", "a\nb",    "\xc3\xa4", "../x", std::string("a\0b", 3),
      "a:b", "\xff\xfe"};
  for (const std::string& name : bad) {
    EXPECT_EQ(ReasonOf(CheckName("topic", name)), "INVALID_NAME") << name;
  }
}

TEST(TopicRulesTest, EveryLimitIsChecked) {
  struct Case {
    std::string reason;
    std::function<void(v1::CreateTopicRequest*)> change;
  };
  const auto label = [](v1::CreateTopicRequest* r, const std::string& name,
                        const std::string& value) {
    r->add_labels()->set_name(name);
    r->mutable_labels(r->labels_size() - 1)->set_value(value);
  };
  const std::vector<Case> cases = {
      {"OK", [](auto* r) { r->set_partitions(10'000); }},
      {"LIMIT_EXCEEDED", [](auto* r) { r->set_partitions(10'001); }},
      {"OK", [](auto* r) { r->set_replicas(1); }},
      {"OK", [](auto* r) { r->set_replicas(9); }},
      {"OK", [](auto* r) { r->set_description(std::string(1024, 'd')); }},
      {"LIMIT_EXCEEDED",
       [](auto* r) { r->set_description(std::string(1025, 'd')); }},
      {"OK",
       [](auto* r) { r->mutable_limits()->set_batch_bytes_max(16 << 20); }},
      {"LIMIT_EXCEEDED",
       [](auto* r) {
         r->mutable_limits()->set_batch_bytes_max((16 << 20) + 1);
       }},
      {"OK",
       [](auto* r) { r->mutable_limits()->set_batch_records_max(1 << 20); }},
      {"LIMIT_EXCEEDED",
       [](auto* r) {
         r->mutable_limits()->set_batch_records_max((1 << 20) + 1);
       }},
      {"OK",
       [&](auto* r) { label(r, std::string(63, 'l'), std::string(255, 'v')); }},
      {"LIMIT_EXCEEDED", [&](auto* r) { label(r, std::string(64, 'l'), ""); }},
      {"LIMIT_EXCEEDED",
       [&](auto* r) { label(r, "l", std::string(256, 'v')); }},
      {"INVALID_NAME", [&](auto* r) { label(r, "", "v"); }},
      {"INVALID_NAME", [&](auto* r) { label(r, "a b", "v"); }},
      {"OK", [&](auto* r) { label(r, "a/b", "v"); }},
      {"MALFORMED_REQUEST",
       [&](auto* r) {
         label(r, "a", "1");
         label(r, "a", "2");
       }},
      {"LIMIT_EXCEEDED",
       [&](auto* r) {
         for (int i = 0; i < 65; ++i) label(r, "l" + std::to_string(i), "");
       }},
      {"OK", [](auto* r) { r->mutable_accepted_compressions(); }},
      {"COMPRESSION_REFUSED",
       [](auto* r) {
         r->mutable_accepted_compressions()->add_compressions(
             v1::COMPRESSION_UNSPECIFIED);
       }},
      {"COMPRESSION_REFUSED",
       [](auto* r) {
         r->mutable_accepted_compressions()->add_compressions(
             static_cast<v1::Compression>(77));
       }},
      {"MALFORMED_REQUEST",
       [](auto* r) {
         for (int i = 0; i < 2; ++i) {
           r->mutable_accepted_compressions()->add_compressions(
               v1::COMPRESSION_LZ4);
         }
       }},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    v1::CreateTopicRequest request;
    request.set_name("t");
    cases[i].change(&request);
    EXPECT_EQ(ReasonOf(TopicOf(request).status()), cases[i].reason)
        << "case " << i;
  }
}

TEST(TopicRulesTest, ALimitErrorNamesLimitAndValue) {
  const v1::ErrorInfo info =
      ErrorInfoOf(LimitError("partitions_max", 10'000, 10'001));
  EXPECT_EQ(info.domain(), "kappa");
  EXPECT_EQ(info.metadata().at("limit"), "partitions_max");
  EXPECT_EQ(info.metadata().at("max"), "10000");
  EXPECT_EQ(info.metadata().at("value"), "10001");
  EXPECT_EQ(info.metadata().at("outcome"), "definite");
}

TEST(TopicRulesTest, DefaultsAreFilledInAndListsOrdered) {
  v1::CreateTopicRequest request;
  request.set_name("t");
  request.add_labels()->set_name("b");
  request.add_labels()->set_name("a");
  request.mutable_accepted_compressions()->add_compressions(
      v1::COMPRESSION_LZ4);
  request.mutable_accepted_compressions()->add_compressions(
      v1::COMPRESSION_ZSTD);
  const absl::StatusOr<v1::Topic> topic = TopicOf(request);
  ASSERT_TRUE(topic.ok());
  EXPECT_EQ(topic->partitions(), 1u);
  EXPECT_EQ(topic->replicas(), 0u);  // decided when it is placed
  EXPECT_TRUE(topic->deletion_protection());
  EXPECT_EQ(topic->labels(0).name(), "a");
  EXPECT_EQ(topic->accepted_compressions(0), v1::COMPRESSION_ZSTD);
}

TEST(TopicRulesTest, EachReplicaNeedsANode) {
  EXPECT_TRUE(CheckReplicas(3, 3).ok());
  const absl::Status refused = CheckReplicas(3, 2);
  EXPECT_EQ(ReasonOf(refused), "TOO_FEW_NODES");
  EXPECT_EQ(ErrorInfoOf(refused).metadata().at("replicas"), "3");
  EXPECT_EQ(ErrorInfoOf(refused).metadata().at("nodes"), "2");
}

TEST(TopicRulesTest, SettingsAreComparedWithoutIdentity) {
  v1::CreateTopicRequest request;
  request.set_name("t");
  v1::Topic a = *TopicOf(request);
  v1::Topic b = a;
  b.set_uuid(std::string(16, 'u'));
  b.set_create_time_us(5);
  EXPECT_TRUE(SameSettings(a, b));
  b.set_description("other");
  EXPECT_FALSE(SameSettings(a, b));
}

}  // namespace
}  // namespace kappa::server

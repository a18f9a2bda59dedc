// ProducerTest: a client and a topic "t" of 3 partitions on a FakeServer.
#ifndef KAPPA_TESTS_CLIENT_PRODUCER_FIXTURE_H_
#define KAPPA_TESTS_CLIENT_PRODUCER_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "client/cpp/producer.h"
#include "gtest/gtest.h"
#include "tests/client/fake_log.h"
#include "tests/client/fake_server.h"

namespace kappa::client {

// Bound on every wait of a test.
inline constexpr absl::Duration kPatience = absl::Seconds(30);

class ProducerTest : public ::testing::Test {
 protected:
  ProducerTest() : server_(&log_) {
    log_.CreateTopic("t", 3);
    ClientOptions options;
    options.seeds = server_.address();
    options.backoff_min = absl::Milliseconds(1);
    options.backoff_max = absl::Milliseconds(20);
    client_ = *Client::Connect(options);
  }

  std::unique_ptr<Producer> Create(ProducerOptions options = {}) {
    options.topic = "t";
    absl::StatusOr<std::unique_ptr<Producer>> producer =
        Producer::Create(client_, std::move(options));
    EXPECT_TRUE(producer.ok()) << producer.status();
    return *std::move(producer);
  }

  // The values stored in a partition, in order.
  std::vector<std::string> Values(uint32_t partition) {
    std::vector<std::string> values;
    for (const tests::FakeRecord& record : log_.Records("t", partition)) {
      values.push_back(record.record.value());
    }
    return values;
  }

  static std::vector<std::string> Numbers(int count) {
    std::vector<std::string> numbers;
    for (int i = 0; i < count; ++i) numbers.push_back(std::to_string(i));
    return numbers;
  }

  tests::FakeLog log_;
  tests::FakeServer server_;
  std::shared_ptr<Client> client_;
};

}  // namespace kappa::client

#endif  // KAPPA_TESTS_CLIENT_PRODUCER_FIXTURE_H_

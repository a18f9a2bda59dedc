// An administrative call that is under way while its node is killed and comes
// back. The node is a process of its own: a gRPC server in this one would look
// at the client's connections too.
#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "client/cpp/admin.h"
#include "gtest/gtest.h"
#include "tests/process/kappad_process.h"

namespace kappa::client {
namespace {

using ::kappa::tests::KappadProcess;

// This test's gRPC looks at a connection that nobody waits for once an hour
// (BUILD), not every 5 s: a call that depends on that would not end in time.
TEST(AdminRestartTest, ANodeThatIsBackIsSeenAtOnce) {
  KappadProcess node;
  ASSERT_TRUE(node.Start().ok()) << node.LogTail();
  ClientOptions options;
  options.seeds = node.address();
  options.backoff_min = absl::Milliseconds(1);
  options.backoff_max = absl::Milliseconds(20);
  options.call_timeout = absl::Seconds(60);
  Admin admin(*Client::Connect(options));
  ASSERT_TRUE(admin.ListTopics().ok());
  for (int round = 0; round < 3; ++round) {
    node.Kill();
    auto topics = std::async(std::launch::async,
                             [&admin] { return admin.ListTopics().status(); });
    // Long enough for attempts that fail at once.
    EXPECT_EQ(topics.wait_for(std::chrono::milliseconds(300)),
              std::future_status::timeout);
    const absl::Status started = node.Start();
    ASSERT_TRUE(started.ok()) << started;
    const absl::Status answer = topics.get();
    EXPECT_TRUE(answer.ok()) << "round " << round << ": " << answer;
  }
}

}  // namespace
}  // namespace kappa::client

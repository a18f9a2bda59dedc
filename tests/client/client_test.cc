#include "client/cpp/client.h"

#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "client/cpp/connect_failure.h"
#include "client/cpp/error.h"
#include "gtest/gtest.h"
#include "tests/client/fake_log.h"
#include "tests/client/fake_server.h"

namespace kappa::client {
namespace {

using ::kappa::tests::FakeLog;
using ::kappa::tests::FakeServer;
using ::kappa::tests::MakeWireError;

absl::Status NotLeader(std::map<std::string, std::string> metadata) {
  return StatusFromWire(MakeWireError(grpc::UNAVAILABLE,
                                      v1::ERROR_REASON_NOT_LEADER, "no",
                                      std::move(metadata)));
}

TEST(ClientTest, RefusesMalformedSeeds) {
  for (const char* seeds : {"", ",", "host", "host:", ":7400", "host:0",
                            "host:65536", "a:1,b", "a:1;b:2"}) {
    EXPECT_EQ(Client::Create({.seeds = seeds}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << seeds;
  }
  absl::StatusOr<std::shared_ptr<Client>> client =
      Client::Create({.seeds = "a:1, [::1]:2"});
  ASSERT_TRUE(client.ok());
  EXPECT_EQ((*client)->seeds().size(), 2u);
}

TEST(ClientTest, ConnectsToTheFirstSeedThatAnswers) {
  FakeLog log;
  FakeServer gone(&log);
  FakeServer server(&log);
  gone.Stop();
  absl::StatusOr<std::shared_ptr<Client>> client =
      Client::Connect({.seeds = gone.address() + "," + server.address()});
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ((*client)->SeedAddress(), server.address());
}

TEST(ClientTest, NoServerIsUnavailable) {
  FakeLog log;
  FakeServer gone(&log);
  gone.Stop();
  const absl::Status status =
      Client::Connect(
          {.seeds = gone.address(), .connect_timeout = absl::Milliseconds(100)})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_UNSPECIFIED);
}

TEST(ClientTest, RefusesTlsThatCannotBeUsed) {
  TlsOptions no_ca;
  TlsOptions no_pem;
  no_pem.ca_pem = "certificate";
  TlsOptions no_file;
  no_file.ca_file = "/nowhere/ca.pem";
  TlsOptions twice = no_file;
  twice.ca_file = "/dev/null";
  twice.ca_pem = no_pem.ca_pem;
  for (const TlsOptions& tls : {no_ca, no_pem, no_file, twice}) {
    EXPECT_EQ(Client::Create({.tls = tls}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(ClientTest, TellsSilenceFromARefusedHandshake) {
  EXPECT_FALSE(SomethingListens(
      ConnectFailure({{"a:1", absl::UnavailableError("Connection refused")}})));
  const absl::Status both = ConnectFailure(
      {{"a:1", absl::UnavailableError("Connection refused")},
       {"b:1", absl::UnavailableError("last error: Ssl handshake failed: x")}});
  EXPECT_TRUE(SomethingListens(both));
  EXPECT_EQ(both.message(),
            "the TLS handshake with b:1 failed: Ssl handshake failed: x; no "
            "server answers at a:1");
}

TEST(ClientTest, LearnsLeadersFromErrors) {
  std::shared_ptr<Client> client = *Client::Create({.seeds = "a:1,b:1"});
  EXPECT_EQ(client->AddressOf("t", 0), "a:1");
  client->NoteError("t", 0, "a:1", NotLeader({{"leader", "c:1"}}));
  EXPECT_EQ(client->AddressOf("t", 0), "c:1");
  EXPECT_EQ(client->AddressOf("t", 1), "a:1");
  // What is no address is no leader.
  client->NoteError("t", 1, "a:1", NotLeader({{"leader", "nonsense"}}));
  EXPECT_EQ(client->AddressOf("t", 1), "b:1");
}

TEST(ClientTest, ForgetsALeaderThatCannotBeReached) {
  std::shared_ptr<Client> client = *Client::Create({.seeds = "a:1,b:1"});
  client->NoteError("t", 0, "a:1", NotLeader({{"leader", "c:1"}}));
  client->NoteError("t", 0, "c:1", absl::UnavailableError("gone"));
  EXPECT_EQ(client->AddressOf("t", 0), "a:1");
}

TEST(ClientTest, SaysWhenToFollowAtOnce) {
  std::shared_ptr<Client> client = *Client::Create({.seeds = "a:1,b:1"});
  EXPECT_TRUE(client->NoteError("t", 0, "a:1", NotLeader({{"leader", "b:1"}})));
  // A node that names itself, or nobody.
  EXPECT_FALSE(
      client->NoteError("t", 0, "b:1", NotLeader({{"leader", "b:1"}})));
  EXPECT_FALSE(client->NoteError("t", 1, "b:1", NotLeader({})));
  EXPECT_FALSE(client->NoteError("t", 0, "b:1", absl::UnavailableError("x")));
}

TEST(ClientTest, DoesNotFollowToANodeThatFailedJustNow) {
  std::shared_ptr<Client> client = *Client::Create({.seeds = "a:1,b:1"});
  client->NoteFailure("a:1");
  // b has not noticed yet.
  EXPECT_FALSE(
      client->NoteError("t", 0, "b:1", NotLeader({{"leader", "a:1"}})));
  EXPECT_NE(client->AddressOf("t", 0), "b:1");
}

TEST(ClientTest, NotLeaderConcernsOnePartitionOnly) {
  std::shared_ptr<Client> client = *Client::Create({.seeds = "a:1,b:1"});
  client->NoteError("t", 0, "a:1", NotLeader({{"leader", "b:1"}}));
  client->NoteError("t", 1, "a:1", NotLeader({{"leader", "b:1"}}));
  client->NoteError("t", 0, "b:1", NotLeader({}));
  EXPECT_EQ(client->AddressOf("t", 1), "b:1");
}

TEST(ClientTest, AsksNodesThatItHeardOfWhenTheSeedsFail) {
  std::shared_ptr<Client> client = *Client::Create({.seeds = "a:1"});
  client->NoteError("t", 0, "a:1", NotLeader({{"leader", "b:1"}}));
  client->NoteError("t", 0, "b:1", NotLeader({{"leader", "c:1"}}));
  client->NoteFailure("a:1");
  EXPECT_EQ(client->AddressOf("t", 1), "b:1");
  client->NoteFailure("b:1");
  EXPECT_EQ(client->AddressOf("t", 1), "c:1");
}

TEST(ClientTest, MovesToTheNextSeedOncePerFailure) {
  std::shared_ptr<Client> client = *Client::Create({.seeds = "a:1,b:1,c:1"});
  client->NoteFailure("a:1");
  client->NoteFailure("a:1");
  EXPECT_EQ(client->SeedAddress(), "b:1");
  client->NoteFailure("b:1");
  client->NoteFailure("c:1");
  EXPECT_EQ(client->SeedAddress(), "a:1");
}

}  // namespace
}  // namespace kappa::client

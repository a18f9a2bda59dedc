// Mutual TLS between nodes: who is let in, and certificates that are renewed.
#include "server/peer/node_tls.h"

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "gtest/gtest.h"
#include "server/latch.h"
#include "server/peer/peer_transport.h"
#include "tests/server/peer/peer_fixture.h"
#include "tests/server/peer/peer_samples.h"
#include "tests/server/peer/test_ca.h"

namespace kappa::server {
namespace {

std::string NewFolder() {
  std::string pattern = std::string(std::getenv("TEST_TMPDIR")) + "/XXXXXX";
  return mkdtemp(pattern.data());
}

class NodeTlsTest : public PeerFixture {
 protected:
  // A node that answers what is forwarded to it.
  std::unique_ptr<PeerTransport> StartTls(uint64_t node,
                                          const TlsFiles& files) {
    auto tls = NodeTls::Open(files);
    EXPECT_TRUE(tls.ok()) << tls.status();
    return StartWith(node, tls->server_credentials, tls->channel_credentials);
  }
  std::unique_ptr<PeerTransport> StartWith(
      uint64_t node, std::shared_ptr<grpc::ServerCredentials> server,
      std::function<std::shared_ptr<grpc::ChannelCredentials>()> channel) {
    PeerTransportOptions options = OptionsOf(node, &heard_);
    options.callbacks.forward = [](raft::v1::ForwardRequest, auto done) {
      done(raft::v1::ForwardResponse());
    };
    options.server_credentials = std::move(server);
    options.channel_credentials = std::move(channel);
    return Start(std::move(options));
  }
  // What becomes of a call.
  static absl::Status Forward(PeerTransport* from, uint64_t to) {
    absl::Status ended;
    Latch done(1);
    from->Forward(NodeId(to), {}, 20'000'000,
                  [&](absl::StatusOr<raft::v1::ForwardResponse> answer) {
                    ended = answer.status();
                    done.CountDown();
                  });
    done.Wait();
    return ended;
  }
  // Neither streams nor calls of node 1 get through to node 2, and no hello.
  void ExpectApart(PeerTransport* one, PeerTransport* two) {
    one->SetPeer(NodeId(2), two->address().ToString());
    EXPECT_NE(WaitForError(*one, 2), "");
    EXPECT_EQ(Forward(one, 2).code(), absl::StatusCode::kUnavailable);
    for (PeerClass peer_class : kPeerClasses) {
      EXPECT_EQ(LinkOf(*one, 2, peer_class).connections, 0u);
    }
    EXPECT_TRUE(two->Statuses().empty());
  }

  const std::string folder_ = NewFolder();
  const TestCa ours_{folder_, "ours"};
  const TestCa theirs_{folder_, "theirs"};
  Heard heard_;
};

TEST_F(NodeTlsTest, NodesOfOneCaTalk) {
  auto two = StartTls(2, ours_.Issue("two"));
  auto one = StartTls(1, ours_.Issue("one"));
  one->SetPeer(NodeId(2), two->address().ToString());
  ASSERT_TRUE(WaitConnected(*one, 2));
  one->Send(NodeId(2), Heartbeat(1, 2, 3, 4));
  EXPECT_TRUE(heard_.WaitForCount(1));
  EXPECT_TRUE(Forward(one.get(), 2).ok());
}

// As a client of Kappa would call, which knows the CA of nodes at best.
TEST_F(NodeTlsTest, ACallersCertificateOfAnotherCaIsRefused) {
  auto two = StartTls(2, ours_.Issue("two"));
  TlsFiles mixed = theirs_.Issue("client");
  mixed.ca = ours_.cert();
  auto one = StartTls(1, mixed);
  ExpectApart(one.get(), two.get());
}

TEST_F(NodeTlsTest, ACalledOnesCertificateOfAnotherCaIsRefused) {
  TlsFiles mixed = theirs_.Issue("two");
  mixed.ca = ours_.cert();
  auto two = StartTls(2, mixed);
  auto one = StartTls(1, ours_.Issue("one"));
  ExpectApart(one.get(), two.get());
}

TEST_F(NodeTlsTest, ACallerWithoutACertificateIsRefused) {
  auto two = StartTls(2, ours_.Issue("two"));
  auto material = LoadTlsFiles(ours_.Issue("one"));
  ASSERT_TRUE(material.ok());
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = material->ca;
  auto one = StartWith(
      1, nullptr,
      [credentials = grpc::SslCredentials(options)] { return credentials; });
  ExpectApart(one.get(), two.get());
}

TEST_F(NodeTlsTest, PlainTextIsRefusedByEitherEnd) {
  auto two = StartTls(2, ours_.Issue("two"));
  auto one = Start(1, &heard_);
  ExpectApart(one.get(), two.get());
  two = Start(2, &heard_);
  one = StartTls(1, ours_.Issue("one"));
  ExpectApart(one.get(), two.get());
}

TEST_F(NodeTlsTest, ACertificateOfAnotherHostIsRefused) {
  auto two = StartTls(2, ours_.Issue("two", "DNS:elsewhere.example"));
  auto one = StartTls(1, ours_.Issue("one"));
  ExpectApart(one.get(), two.get());
}

TEST_F(NodeTlsTest, RenewedFilesFailNoCall) {
  const TlsFiles files = ours_.Issue("one");
  auto two = StartTls(2, ours_.Issue("two"));
  auto one = StartTls(1, files);
  one->SetPeer(NodeId(2), two->address().ToString());
  two->SetPeer(NodeId(1), one->address().ToString());
  ASSERT_TRUE(WaitConnected(*one, 2));
  ASSERT_TRUE(WaitConnected(*two, 1));
  for (int i = 0; i < 3; ++i) {
    const TlsFiles renewed = ours_.Issue("renewed");
    // For a while certificate and key do not fit together.
    ReplaceFile(renewed.cert, files.cert);
    const int64_t begun_us = clock_.MonotonicUs();
    while (clock_.MonotonicUs() < begun_us + 1'200'000) {
      ASSERT_TRUE(Forward(one.get(), 2).ok());
      ASSERT_TRUE(Forward(two.get(), 1).ok());
      if (clock_.MonotonicUs() > begun_us + 600'000) {
        ReplaceFile(renewed.key, files.key);
      }
    }
  }
  EXPECT_EQ(LinkOf(*one, 2, PeerClass::kControl).connections, 1u)
      << "what is connected stays";
}

// Node 1 goes on with files of another CA; those who know that alone reach it,
// and it reaches them.
TEST_F(NodeTlsTest, NewConnectionsUseWhatTheFilesHoldNow) {
  const TlsFiles files = ours_.Issue("one");
  TlsFiles own = files;
  own.ca = folder_ + "/ca-of-one.pem";
  ReplaceFile(ours_.cert(), own.ca);
  auto one = StartTls(1, own);
  auto two = StartTls(2, ours_.Issue("two"));
  one->SetPeer(NodeId(2), two->address().ToString());
  ASSERT_TRUE(Forward(one.get(), 2).ok());
  const ListenAddress address = two->address();
  two->Stop();

  const TlsFiles next = theirs_.Issue("one");
  ReplaceFile(next.cert, own.cert);
  ReplaceFile(next.key, own.key);
  ReplaceFile(next.ca, own.ca);
  auto tls = NodeTls::Open(theirs_.Issue("two"));
  ASSERT_TRUE(tls.ok());
  PeerTransportOptions options = OptionsOf(2, &heard_);
  options.listen = address;
  options.callbacks.forward = [](raft::v1::ForwardRequest, auto done) {
    done(raft::v1::ForwardResponse());
  };
  options.server_credentials = tls->server_credentials;
  options.channel_credentials = tls->channel_credentials;
  two = Start(std::move(options));
  two->SetPeer(NodeId(1), one->address().ToString());
  EXPECT_TRUE(WaitConnected(*one, 2));
  EXPECT_TRUE(WaitConnected(*two, 1));
  EXPECT_TRUE(Eventually([&] { return Forward(one.get(), 2).ok(); }));
  EXPECT_TRUE(Eventually([&] { return Forward(two.get(), 1).ok(); }));
}

TEST_F(NodeTlsTest, NeedsAllThreeFiles) {
  TlsFiles files = ours_.Issue("one");
  files.ca.clear();
  EXPECT_EQ(NodeTls::Open(files).status().code(),
            absl::StatusCode::kInvalidArgument);
  files.ca = folder_ + "/nowhere.pem";
  EXPECT_EQ(NodeTls::Open(files).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace kappa::server

#include "server/listen_address.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

TEST(ListenAddressTest, ParsesWhatItPrints) {
  for (const char* text :
       {"127.0.0.1:7400", "[::1]:0", "localhost:65535", "0.0.0.0:1"}) {
    absl::StatusOr<ListenAddress> address = ListenAddress::Parse(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(address->ToString(), text);
  }
}

TEST(ListenAddressTest, RefusesOtherText) {
  for (const char* text : {"", "7400", ":7400", "host:", "host:x", "host:-1",
                           "host:65536", "::1:7400", "[::1]", "a b:1"}) {
    EXPECT_EQ(ListenAddress::Parse(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(ListenAddressTest, KnowsLoopback) {
  for (const char* host : {"127.0.0.1", "127.255.0.1", "::1", "localhost"}) {
    EXPECT_TRUE((ListenAddress{host, 1}).IsLoopback()) << host;
  }
  for (const char* host : {"0.0.0.0", "10.0.0.1", "::", "fe80::1",
                           "localhost.example.org", "128.0.0.1"}) {
    EXPECT_FALSE((ListenAddress{host, 1}).IsLoopback()) << host;
  }
}

TEST(ListenAddressTest, SaysWhyOneCannotListen) {
  EXPECT_TRUE(TryToListen({"127.0.0.1", 0}).ok());
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in bound{};
  bound.sin_family = AF_INET;
  bound.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(bound);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&bound), length), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length), 0);
  const absl::Status used = TryToListen({"127.0.0.1", ntohs(bound.sin_port)});
  EXPECT_EQ(used.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(used.message().find("another program"), absl::string_view::npos);
  close(fd);
  EXPECT_EQ(TryToListen({"192.0.2.1", 0}).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kappa::server

#include "tests/chaos/slow_wire.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace kappa::chaos {
namespace {

// Frames come with what is left to do for them (checksums, cutting into
// packets), as the kernel's own switch would pass them on: a virtio_net_hdr,
// whose own header is not C++.
constexpr size_t kHeaderBytes = 10;
constexpr size_t kFrameBytesMax = 128 * 1024;
constexpr int kBufferBytes = 8 * 1024 * 1024;

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

[[noreturn]] void Fail(const std::string& what) {
  std::perror(("slow_wire: " + what).c_str());
  std::exit(1);
}

int OpenInterface(const std::string& name) {
  const int socket_fd =
      socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
  if (socket_fd < 0) Fail("packet socket");
  const int one = 1;
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(name.c_str()));
  packet_mreq all = {};
  all.mr_ifindex = address.sll_ifindex;
  all.mr_type = PACKET_MR_PROMISC;
  if (address.sll_ifindex == 0 ||
      setsockopt(socket_fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
      setsockopt(socket_fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all,
                 sizeof(all)) ||
      setsockopt(socket_fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBufferBytes,
                 sizeof(kBufferBytes)) ||
      bind(socket_fd, reinterpret_cast<sockaddr*>(&address), sizeof(address))) {
    Fail("interface " + name);
  }
  return socket_fd;
}

}  // namespace

SlowWire::SlowWire(const std::vector<std::string>& interfaces,
                   WireFaults faults, uint64_t seed)
    : faults_(faults), random_(seed) {
  for (const std::string& name : interfaces) {
    sockets_.push_back(OpenInterface(name));
  }
}

SlowWire::~SlowWire() {
  for (const int socket_fd : sockets_) close(socket_fd);
}

void SlowWire::Run() {
  std::vector<pollfd> watched;
  for (const int socket_fd : sockets_)
    watched.push_back({socket_fd, POLLIN, 0});
  watched.push_back({STDIN_FILENO, POLLIN, 0});
  while (true) {
    if (poll(watched.data(), watched.size(), SendDue()) < 0) Fail("poll");
    if (watched.back().revents != 0) return;
    for (size_t i = 0; i < sockets_.size(); ++i) {
      if (watched[i].revents != 0) Receive(i);
    }
  }
}

void SlowWire::Receive(size_t from) {
  std::vector<uint8_t> buffer(kFrameBytesMax);
  while (true) {
    sockaddr_ll origin = {};
    socklen_t origin_bytes = sizeof(origin);
    const ssize_t got =
        recvfrom(sockets_[from], buffer.data(), buffer.size(), 0,
                 reinterpret_cast<sockaddr*>(&origin), &origin_bytes);
    if (got < 0) return;
    // What was sent out of the interface is seen there too.
    if (origin.sll_pkttype == PACKET_OUTGOING) continue;
    if (got < static_cast<ssize_t>(kHeaderBytes + ETH_HLEN)) continue;
    Address to;
    Address sender;
    std::memcpy(to.data(), &buffer[kHeaderBytes], to.size());
    std::memcpy(sender.data(), &buffer[kHeaderBytes + to.size()],
                sender.size());
    seen_behind_[sender] = from;
    const auto bytes = std::make_shared<const std::vector<uint8_t>>(
        buffer.begin(), buffer.begin() + got);
    const auto found = seen_behind_.find(to);
    for (size_t i = 0; i < sockets_.size(); ++i) {
      if (i != from && (found == seen_behind_.end() || found->second == i)) {
        Forward(from, i, bytes);
      }
    }
  }
}

void SlowWire::Forward(size_t from, size_t to, const Bytes& bytes) {
  const int64_t now_us = NowUs();
  if (from == 0 || to == 0) {
    Schedule(to, now_us, bytes);
    return;
  }
  std::uniform_real_distribution<double> share(0, 1);
  std::uniform_int_distribution<int64_t> delay(faults_.delay_us_min,
                                               faults_.delay_us_max);
  int64_t due_us = now_us + delay(random_);
  if (share(random_) < faults_.reordered) {
    due_us = now_us + faults_.delay_us_min / 2;
  } else {
    int64_t& last_us = last_due_us_[{from, to}];
    last_us = due_us = std::max(due_us, last_us);
  }
  Schedule(to, due_us, bytes);
  if (share(random_) < faults_.duplicated) {
    Schedule(to, due_us + delay(random_), bytes);
  }
}

void SlowWire::Schedule(size_t to, int64_t due_us, const Bytes& bytes) {
  under_way_.push({due_us, frames_++, to, bytes});
}

int SlowWire::SendDue() {
  while (!under_way_.empty()) {
    const Frame& next = under_way_.top();
    const int64_t left_us = next.due_us - NowUs();
    if (left_us > 0) return static_cast<int>(left_us / 1000) + 1;
    // A frame that does not fit is lost, as on a real switch.
    (void)!send(sockets_[next.to], next.bytes->data(), next.bytes->size(), 0);
    under_way_.pop();
  }
  return -1;
}

}  // namespace kappa::chaos

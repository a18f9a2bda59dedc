// The strong types that every layer shares. Swapped arguments do not compile.
#ifndef KAPPA_PROTO_WIRE_TYPES_H_
#define KAPPA_PROTO_WIRE_TYPES_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace kappa {

// An unsigned 64-bit number that mixes with no other kind of number.
template <typename Tag>
class StrongNumber {
 public:
  constexpr StrongNumber() = default;
  explicit constexpr StrongNumber(uint64_t value) : value_(value) {}

  constexpr uint64_t value() const { return value_; }

  constexpr StrongNumber Next() const { return StrongNumber(value_ + 1); }
  // Requires: value() > 0.
  constexpr StrongNumber Previous() const { return StrongNumber(value_ - 1); }
  constexpr StrongNumber operator+(uint64_t n) const {
    return StrongNumber(value_ + n);
  }
  constexpr StrongNumber operator-(uint64_t n) const {
    return StrongNumber(value_ - n);
  }
  // Distance; requires *this >= other.
  constexpr uint64_t operator-(StrongNumber other) const {
    return value_ - other.value_;
  }
  StrongNumber& operator++() {
    ++value_;
    return *this;
  }
  friend constexpr auto operator<=>(StrongNumber, StrongNumber) = default;

  template <typename H>
  friend H AbslHashValue(H h, StrongNumber n) {
    return H::combine(std::move(h), n.value_);
  }

 private:
  uint64_t value_ = 0;
};

// A record's position in its partition: dense from 0, never reused.
using Offset = StrongNumber<struct OffsetTag>;
// An entry's position in its group's Raft log: dense from 1; 0 is "before it".
using LogIndex = StrongNumber<struct LogIndexTag>;
// A Raft term, from 1; 0 is "none yet".
using Term = StrongNumber<struct TermTag>;
// A node of a cluster, from 1; 0 is "none".
using NodeId = StrongNumber<struct NodeIdTag>;
// How often the node's replica of a group was replaced after it may have
// forgotten something; from 1.
using Incarnation = StrongNumber<struct IncarnationTag>;
// A Raft group of the cluster; 0 is the metadata group, each partition is one.
using GroupId = StrongNumber<struct GroupIdTag>;
// A replica as one data directory numbers it: given when the replica is
// created there, never reused.
using ReplicaNumber = StrongNumber<struct ReplicaNumberTag>;
// A segment of one data directory; ascending, never reused.
using SegmentNumber = StrongNumber<struct SegmentNumberTag>;

// Who votes: a replica that may have forgotten gets a new incarnation.
struct ReplicaId {
  NodeId node;
  Incarnation incarnation;
  friend constexpr auto operator<=>(const ReplicaId&,
                                    const ReplicaId&) = default;
};

// A SHA-256 digest.
using Digest = std::array<uint8_t, 32>;
// A random 128-bit identity: topic UUID, producer id, cluster and disk id.
using Uuid = std::array<uint8_t, 16>;

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_TYPES_H_

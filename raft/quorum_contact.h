// QuorumContact: what a leader may conclude from the answers to its beats.
#ifndef KAPPA_RAFT_QUORUM_CONTACT_H_
#define KAPPA_RAFT_QUORUM_CONTACT_H_

#include <cstdint>

namespace kappa::raft {

// A leader numbers its beats by its own time in ticks, and each answer repeats
// the number, so everything here counts from the sending of a beat, never from
// the arrival of an answer (Raft dissertation §6.4.1).
//
//   since        beat        lease ends         lost
//     |-----------|--------------|----------------|
//      leads       lease_ticks    election_ticks
//                  |<----------- election_ticks ->|
//
// Thread safety: thread-compatible.
class QuorumContact {
 public:
  // Leads since `now`.
  explicit QuorumContact(uint64_t now) : since_(now), lease_from_(now) {}

  // A majority has answered the beat of tick `beat`, or a later one.
  void Record(uint64_t beat);
  // True if no majority answered anything that was sent in the last
  // `election_ticks`.
  bool Lost(uint64_t now, uint32_t election_ticks) const;
  // True while no other leader can be elected, because a majority heard of this
  // one less than `lease_ticks` ago. Requires: lease_ticks < election_ticks.
  bool HoldsLease(uint64_t now, uint32_t lease_ticks) const;

  // Answers to beats before `tick` give no lease: a voter may have been
  // released from its promise.
  void NoLeaseBefore(uint64_t tick);
  // Time stood still until `now` (the group slept): nothing is known about what
  // happened meanwhile.
  void Restart(uint64_t now);

 private:
  uint64_t since_;
  uint64_t lease_from_;
  uint64_t beat_ = 0;  // 0: none was answered
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_QUORUM_CONTACT_H_

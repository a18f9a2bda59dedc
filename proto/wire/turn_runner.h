// TurnRunner: runs the background work of a node in turns, on one thread, for
// simulation. Production has none: whoever works in the background then has
// threads of its own.
#ifndef KAPPA_PROTO_WIRE_TURN_RUNNER_H_
#define KAPPA_PROTO_WIRE_TURN_RUNNER_H_

#include <cstdint>
#include <functional>
#include <optional>

namespace kappa {

// Whose turn it is, by the threads that they stand for.
enum class TurnKind { kShard, kLogWriter, kReaders, kNetworkClock };

// Thread safety: one thread for it and for everything that takes turns.
class TurnRunner {
 public:
  // Does what there is to do, without waiting; false: there was nothing.
  using Turn = std::function<bool()>;

  virtual ~TurnRunner() = default;
  // Calls `turn` again and again from now on, never within another one.
  // Requires: `owner` has no turn yet.
  virtual void Add(const void* owner, TurnKind kind, Turn turn) = 0;
  // Calls the turn of `owner`, if it has one, no more.
  virtual void Remove(const void* owner) = 0;
  // Gives others their turns until `holds`, which is what waiting for them
  // means, and returns true; false after `timeout_us` microseconds, if that is
  // given. Not within a turn.
  virtual bool RunUntil(const std::function<bool()>& holds,
                        std::optional<int64_t> timeout_us) = 0;
};

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_TURN_RUNNER_H_

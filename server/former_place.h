// FormerPlace: the place in a cluster of the disk that a node had before.
#ifndef KAPPA_SERVER_FORMER_PLACE_H_
#define KAPPA_SERVER_FORMER_PLACE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "proto/wire/clock.h"
#include "proto/wire/types.h"
#include "server/identity.h"
#include "server/join_asker.h"

namespace kappa::server {

// What a directory without an identity tells of the node that it was.
struct FormerNode {
  bool set_aside = false;  // the directory is the rest of one
  NodeId node;             // 0: it does not say
};

// `node`: 0, or the node as it is known already, which is returned then.
// Errors: those of SetAsideCopies, ReservedNode and ReadIdentity, where no copy
// says which node it was.
absl::StatusOr<FormerNode> FindFormerNode(const std::string& data_dir,
                                          NodeId node);

// Asks for the place of the former disk, at once where a directory was set
// aside, else when it has been left to that disk for a while.
//
// Thread safety: thread-compatible.
class FormerPlace {
 public:
  struct Options {
    bool set_aside = false;
    int64_t replace_after_us = 0;  // a merely empty directory leaves it so long
    int64_t replace_period_us = 0;     // and asks so often then
    const Clock* clock = nullptr;      // outlives it
    const JoinAsker* asker = nullptr;  // outlives it
  };

  explicit FormerPlace(const Options& options) : options_(options) {}

  // Asks at `address` now and then; `now_us` is monotonic. Nullopt: the node
  // has not got it yet; `waits_for` gets why.
  // Errors: CANCELLED: the node ends.
  absl::StatusOr<std::optional<Identity>> Ask(const std::string& address,
                                              int64_t now_us,
                                              std::string* waits_for);

 private:
  // A merely empty directory: whoever started the node may find out meanwhile
  // that its disk is not mounted. False: the place may be asked for.
  bool LeavesIt(int64_t now_us, std::string* waits_for);

  const Options options_;
  std::optional<int64_t> replace_at_us_;  // see LeavesIt
  std::string replace_time_;              // the same for people
  int64_t ask_at_us_ = 0;
  std::string refused_;  // what came of it last
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_FORMER_PLACE_H_

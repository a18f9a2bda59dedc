// NodeScrub: the scrub of a node: names partitions, tells them of damage, logs.
#ifndef KAPPA_SERVER_NODE_SCRUB_H_
#define KAPPA_SERVER_NODE_SCRUB_H_

#include <cstdint>
#include <string>

#include "proto/wire/clock.h"
#include "server/maintenance.h"
#include "server/partition_router.h"
#include "server/topic_map.h"
#include "storage/known_damage.h"
#include "storage/log_store.h"
#include "storage/replaced_file.h"
#include "storage/scrubber.h"

namespace kappa::server {

struct NodeScrubOptions {
  std::string data_dir;  // empty: nothing is kept on disk
  ScrubSettings settings;
  const Clock* clock = nullptr;                  // not owned; required
  storage::KnownDamage* known_damage = nullptr;  // not owned; required
  storage::ReplacedFile::OnFatal on_fatal;       // required
};

// A partition with a damaged entry stops accepting appends, whether it was in
// use or not; the others work. One that was stopped for what an earlier run
// found goes on once that has been read again and is whole.
//
// Thread safety: thread-safe.
class NodeScrub {
 public:
  // All are borrowed, and outlive the scrub.
  NodeScrub(const NodeScrubOptions& options, const storage::LogStore* store,
            const TopicMap* topics, const PartitionRouter* router);

  v1::ScrubStatus Status() const;
  // Returns the number of the pass that runs now.
  uint64_t Start();
  // Nothing is read any more on return. Idempotent.
  void Stop() { scrubber_.Stop(); }

 private:
  const TopicMap* const topics_;
  const storage::KnownDamage* const known_damage_;
  storage::Scrubber scrubber_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_NODE_SCRUB_H_

#include "server/former_place.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "storage/set_aside.h"

namespace kappa::server {

absl::StatusOr<FormerNode> FindFormerNode(const std::string& data_dir,
                                          NodeId node) {
  const auto copies = storage::SetAsideCopies(data_dir);
  if (!copies.ok()) return copies.status();
  FormerNode former{.set_aside = !copies->empty(), .node = node};
  if (!former.set_aside || former.node.value() != 0) return former;
  const absl::StatusOr<NodeId> reserved = ReservedNode(data_dir);
  if (!reserved.ok()) return reserved.status();
  former.node = *reserved;
  // It may have ended before that was written. One copy that says it, the
  // newest of them, is enough.
  absl::Status unread;
  for (auto copy = copies->rbegin();
       copy != copies->rend() && former.node.value() == 0; ++copy) {
    const auto identity = ReadIdentity(*copy);
    unread.Update(identity.status());
    if (identity.ok() && identity->has_value()) {
      former.node = (*identity)->node_id;
    }
  }
  if (former.node.value() == 0 && !unread.ok()) return unread;
  return former;
}

bool FormerPlace::LeavesIt(int64_t now_us, std::string* waits_for) {
  if (options_.set_aside) return false;
  if (!replace_at_us_.has_value()) {
    replace_at_us_ = now_us + options_.replace_after_us;
    replace_time_ =
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ",
                         absl::FromUnixMicros(options_.clock->NowUs() +
                                              options_.replace_after_us),
                         absl::UTCTimeZone());
  }
  if (now_us >= *replace_at_us_) return false;
  absl::StrAppend(waits_for, "; until ", replace_time_,
                  " for its former disk (is it not mounted?), whose place "
                  "this directory, which is empty, takes then for good");
  return true;
}

absl::StatusOr<std::optional<Identity>> FormerPlace::Ask(
    const std::string& address, int64_t now_us, std::string* waits_for) {
  if (LeavesIt(now_us, waits_for)) return std::optional<Identity>();
  if (now_us >= ask_at_us_) {
    ask_at_us_ = now_us + options_.replace_period_us;
    refused_.clear();
    auto taken = options_.asker->Ask({address}, &refused_);
    if (taken.ok() && taken->has_value()) return taken;
    if (absl::IsCancelled(taken.status())) return taken;
    // Whoever refuses now may not later: the former disk may be heard.
    if (!taken.ok()) refused_ = absl::StrCat("; ", taken.status().message());
  }
  absl::StrAppend(waits_for, refused_);
  return std::optional<Identity>();
}

}  // namespace kappa::server

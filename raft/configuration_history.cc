#include "raft/configuration_history.h"

#include <cstddef>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::raft {

ConfigurationHistory::ConfigurationHistory(
    std::vector<ConfigurationAt> restored) {
  for (ConfigurationAt& at : restored) {
    Append(at.index,
           std::make_shared<const Configuration>(std::move(at.configuration)));
  }
}

const Configuration* ConfigurationHistory::newest() const {
  return entries_.empty() ? nullptr : entries_.back().configuration.get();
}

const Configuration* ConfigurationHistory::NewestUpTo(LogIndex index) const {
  for (size_t i = entries_.size(); i > 0; --i) {
    if (entries_[i - 1].index <= index) {
      return entries_[i - 1].configuration.get();
    }
  }
  return nullptr;
}

LogIndex ConfigurationHistory::newest_index() const {
  return entries_.empty() ? LogIndex(0) : entries_.back().index;
}

void ConfigurationHistory::Append(
    LogIndex index, std::shared_ptr<const Configuration> configuration) {
  KAPPA_CHECK(index > newest_index(), "configurations ascend");
  KAPPA_CHECK(configuration != nullptr, "a configuration entry has one");
  entries_.push_back(At{index, std::move(configuration)});
}

bool ConfigurationHistory::TruncateFrom(LogIndex from) {
  bool dropped = false;
  while (!entries_.empty() && entries_.back().index >= from) {
    entries_.pop_back();
    dropped = true;
  }
  return dropped;
}

void ConfigurationHistory::TrimTo(LogIndex base) {
  size_t below = 0;
  while (below < entries_.size() && entries_[below].index <= base) ++below;
  entries_.erase(entries_.begin(),
                 entries_.begin() + static_cast<ptrdiff_t>(below));
}

void ConfigurationHistory::ForgetBelow(LogIndex committed) {
  size_t below = 0;
  while (below < entries_.size() && entries_[below].index <= committed) ++below;
  if (below <= kKept) return;
  entries_.erase(entries_.begin(),
                 entries_.begin() + static_cast<ptrdiff_t>(below - kKept));
}

void ConfigurationHistory::CheckInvariants(LogIndex base, LogIndex last) const {
  LogIndex previous = base;
  for (const At& at : entries_) {
    KAPPA_CHECK(at.index > previous, "configurations ascend above the base");
    KAPPA_CHECK(at.index <= last, "the configuration is in the log");
    previous = at.index;
  }
}

}  // namespace kappa::raft

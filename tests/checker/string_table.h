// StringTable: a number for each text.
#ifndef KAPPA_TESTS_CHECKER_STRING_TABLE_H_
#define KAPPA_TESTS_CHECKER_STRING_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace kappa::checker {

// Numbers texts from 0, in the order of their first appearance. `Id` is an enum
// class over uint32_t.
//
// Thread safety: thread-compatible.
template <typename Id>
class StringTable {
 public:
  StringTable() = default;
  StringTable(const StringTable&) = delete;
  StringTable& operator=(const StringTable&) = delete;
  StringTable(StringTable&&) = default;
  StringTable& operator=(StringTable&&) = default;

  // The number of `text`, a new one when it has none.
  Id Intern(absl::string_view text) {
    const auto found = ids_.find(text);
    if (found != ids_.end()) return found->second;
    const Id id = static_cast<Id>(texts_.size());
    texts_.emplace_back(text);
    ids_.emplace(texts_.back(), id);
    return id;
  }
  // Requires: `id` was given by this table.
  const std::string& operator[](Id id) const {
    return texts_[static_cast<size_t>(id)];
  }
  size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;  // never moved: the keys point to them
  absl::flat_hash_map<absl::string_view, Id> ids_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_STRING_TABLE_H_

// Between std::string_view and absl::string_view, which are two types in
// Debian's Abseil: ToAbsl for absl::StrCat and status messages, ToStd for what
// absl::Status::message() returns.
#ifndef KAPPA_PROTO_WIRE_STRING_VIEW_H_
#define KAPPA_PROTO_WIRE_STRING_VIEW_H_

#include <string_view>

#include "absl/strings/string_view.h"

namespace kappa {

inline absl::string_view ToAbsl(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}

inline std::string_view ToStd(absl::string_view text) {
  return std::string_view(text.data(), text.size());
}

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_STRING_VIEW_H_

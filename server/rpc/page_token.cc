#include "server/rpc/page_token.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/string_view.h"
#include "proto/wire/wire_format.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

// Of everything that the token stands for; the prefix itself is not in it.
uint32_t Checksum(std::string_view prefix, std::string_view last) {
  std::string text;
  AppendBytesField(&text, 1, prefix);
  AppendBytesField(&text, 2, last);
  return Crc32c(text);
}

}  // namespace

std::string MakePageToken(std::string_view prefix, std::string_view last) {
  std::string bytes;
  AppendFixed32Field(&bytes, 1, Checksum(prefix, last));
  bytes.append(last);
  return absl::WebSafeBase64Escape(bytes);
}

absl::StatusOr<std::string> ParsePageToken(std::string_view prefix,
                                           std::string_view token) {
  std::string bytes;
  std::string checksum;
  const size_t head = Fixed32FieldSize(1);
  if (absl::WebSafeBase64Unescape(ToAbsl(token), &bytes) &&
      bytes.size() >= head) {
    std::string last = bytes.substr(head);
    AppendFixed32Field(&checksum, 1, Checksum(prefix, last));
    if (bytes.compare(0, head, checksum) == 0) return last;
  }
  return MakeError(
      v1::ERROR_REASON_INVALID_PAGE_TOKEN,
      absl::StrCat("page_token is damaged or belongs to another name_prefix "
                   "than \"",
                   absl::CHexEscape(ToAbsl(prefix)), "\""));
}

}  // namespace kappa::server

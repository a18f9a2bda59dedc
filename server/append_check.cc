#include "server/append_check.h"

#include <algorithm>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "proto/wire/types.h"
#include "server/errors.h"
#include "server/topic_rules.h"
#include "storage/entry_header.h"

namespace kappa::server {
namespace {

absl::Status Malformed(absl::string_view what) {
  return MakeError(v1::ERROR_REASON_MALFORMED_REQUEST, ToStd(what));
}

}  // namespace

absl::Status CheckProducerSequence(const v1::ProducerSequence& producer) {
  const std::string& id = producer.id();
  if (id.size() != sizeof(Uuid) ||
      std::all_of(id.begin(), id.end(), [](char c) { return c == 0; })) {
    return Malformed(
        absl::StrCat("producer id ", absl::BytesToHexString(id.substr(0, 17)),
                     " of ", id.size(), " bytes: must be 16, not all zero"));
  }
  if (producer.sequence() == 0) {
    return Malformed("sequence 0: sequences begin with 1");
  }
  if (producer.has_previous_sequence() &&
      producer.previous_sequence() >= producer.sequence()) {
    return Malformed(
        absl::StrCat("previous_sequence ", producer.previous_sequence(),
                     " is not below sequence ", producer.sequence()));
  }
  if (producer.state().size() > storage::kProducerStateBytesMax) {
    return LimitError("state_bytes_max", storage::kProducerStateBytesMax,
                      producer.state().size());
  }
  return absl::OkStatus();
}

absl::Status NeverOpened(const v1::ProducerSequence& producer) {
  const std::string id = absl::BytesToHexString(producer.id());
  return MakeError(
      v1::ERROR_REASON_PRODUCER_UNKNOWN,
      absl::StrCat("producer ", id, " was never opened with epoch ",
                   producer.epoch(), ": call OpenProducer first"),
      {{"producer_id", id}, {"epoch", absl::StrCat(producer.epoch())}});
}

}  // namespace kappa::server

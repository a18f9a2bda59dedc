#include "raft/log_start.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "raft/mutant.h"

namespace kappa::raft {
namespace {

template <typename... Parts>
absl::Status Refused(const char* what, const LogBase& base,
                     const Parts&... parts) {
  return absl::FailedPreconditionError(
      absl::StrCat(what, " at index ", base.id.index.value(), ": ", parts...));
}

// The configuration at `index`, or nullptr if that is not known any more.
const Configuration* ConfigurationAtIndex(const Context& context,
                                          LogIndex index) {
  if (const Configuration* at = context.configurations().NewestUpTo(index)) {
    return at;
  }
  return context.configurations().MayHaveForgotten()
             ? nullptr
             : &context.base().configuration;
}

}  // namespace

absl::Status TrimLog(Context& context, const LogBase& base) {
  const LogIndex index = base.id.index;
  if (index <= context.base().id.index) {
    return Refused("trim", base, "the log begins after ",
                   context.base().id.index.value(), " already");
  }
  if (index > context.committed() && !KAPPA_MUTANT(kTrimUncommitted)) {
    return Refused("trim", base, "committed up to ",
                   context.committed().value());
  }
  if (index > context.durable()) {
    return Refused("trim", base, "durable up to ", context.durable().value());
  }
  if (context.log().TermAt(index) != base.id.term) {
    return Refused("trim", base, "the entry's term is ",
                   context.log().TermAt(index)->value(), ", not ",
                   base.id.term.value());
  }
  const Configuration* present = ConfigurationAtIndex(context, index);
  if (present != nullptr && *present != base.configuration) {
    return Refused("trim", base, "another configuration is effective there");
  }
  context.TrimTo(base);
  return absl::OkStatus();
}

absl::Status ReplaceLog(Context& context, const LogBase& base) {
  if (base.id.index <= context.committed()) {
    return Refused("install base", base, "already committed up to ",
                   context.committed().value());
  }
  if (context.log().TermAt(base.id.index) == base.id.term) {
    return Refused("install base", base, "the log holds that entry");
  }
  if (base.id.term > context.term()) {
    return Refused("install base", base, "its term ", base.id.term.value(),
                   " is later than this replica's ", context.term().value());
  }
  context.InstallBase(base);
  return absl::OkStatus();
}

}  // namespace kappa::raft

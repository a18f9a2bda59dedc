#include "client/cli/exit_code.h"

#include <cstdio>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/connect_failure.h"
#include "client/cpp/error.h"
#include "proto/wire/string_view.h"

namespace kappa::cli {

namespace {

constexpr char kUsagePayload[] = "kappa.cli/usage";

// What to type to have it all the same; empty when there is no such thing.
std::string HintOf(const absl::Status& status) {
  const std::string reason = client::ReasonNameOf(status);
  if (reason == "DELETION_PROTECTED") {
    return "If that is meant, switch it off first: \"kappa topic update NAME "
           "--deletion-protection false\".\n";
  }
  if (reason == "KEY_MOVEMENT_NOT_ACCEPTED") {
    return "If that is meant, say --accept-key-movement.\n";
  }
  return "";
}

}  // namespace

absl::Status UsageError(std::string_view message) {
  absl::Status status = absl::InvalidArgumentError(ToAbsl(message));
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kDone;
  if (status.GetPayload(kUsagePayload).has_value()) return kWrongUsage;
  // The server always gives a reason: this is the client's own word.
  if (status.code() == absl::StatusCode::kInvalidArgument &&
      client::ReasonNameOf(status).empty()) {
    return kWrongUsage;
  }
  if (status.code() == absl::StatusCode::kUnavailable &&
      client::ReasonNameOf(status).empty()) {
    return kNoServer;
  }
  return kRefused;
}

std::string Describe(const absl::Status& status) {
  const std::string reason = client::ReasonNameOf(status);
  return absl::StrCat(reason, reason.empty() ? "" : ": ", status.message());
}

int Report(const absl::Status& status) {
  const ExitCode code = ExitCodeOf(status);
  if (code != kDone) {
    std::fprintf(stderr, "kappa: %s\n%s", Describe(status).c_str(),
                 HintOf(status).c_str());
  }
  if (client::SomethingListens(status)) {
    std::fprintf(stderr,
                 "A server with TLS needs --tls-ca FILE, and one that asks for "
                 "certificates --tls-cert FILE --tls-key FILE; one without TLS "
                 "must be called without these.\n");
  } else if (code == kNoServer) {
    std::fprintf(stderr,
                 "Is kappad running there? Start one with \"kappad --dev\", or "
                 "name another with --server HOST:PORT.\n");
  }
  return code;
}

}  // namespace kappa::cli

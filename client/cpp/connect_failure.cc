#include "client/cpp/connect_failure.h"

#include <algorithm>
#include <chrono>
#include <initializer_list>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cpp/error.h"
#include "client/cpp/unary_call.h"
#include "grpcpp/client_context.h"
#include "kappa/v1/topic_service.grpc.pb.h"

namespace kappa::client {
namespace {

constexpr char kListensPayload[] = "kappa.client/something-listens";
constexpr std::chrono::milliseconds kAskTimeout{200};

bool SaysAnyOf(const absl::Status& status,
               std::initializer_list<absl::string_view> words) {
  const std::string text = absl::AsciiStrToLower(status.message());
  return std::any_of(words.begin(), words.end(), [&](absl::string_view word) {
    return absl::StrContains(text, word);
  });
}

bool IsHandshake(const absl::Status& status) {
  return SaysAnyOf(status, {"handshake", "ssl", "peer name", "certificate"});
}

bool IsEndedConnection(const absl::Status& status) {
  return SaysAnyOf(status, {"socket closed", "reset by peer", "end of file",
                            "connection closed", "endpoint closed", "goaway",
                            "broken pipe", "settings frame"});
}

// What gRPC says, without its preamble.
absl::string_view ReasonIn(const absl::Status& status) {
  absl::string_view text = status.message();
  constexpr absl::string_view kPreamble = "last error: ";
  const size_t preamble = text.find(kPreamble);
  if (preamble != absl::string_view::npos) {
    text.remove_prefix(preamble + kPreamble.size());
  }
  return text;
}

}  // namespace

absl::Status WhyNotConnected(const std::shared_ptr<grpc::Channel>& channel) {
  // Only a call is told the reason. Any will do: it fails before it is sent.
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kAskTimeout);
  v1::ListTopicsRequest request;
  request.set_page_size(1);
  v1::ListTopicsResponse response;
  return StatusFromGrpc(CallUnary<v1::TopicService>(
      channel, &CallsOf<v1::TopicService>::ListTopics, &context, request,
      &response));
}

absl::Status ConnectFailure(
    const std::vector<std::pair<std::string, absl::Status>>& failures) {
  std::vector<std::string> silent;
  std::vector<std::string> texts;
  for (const auto& [address, status] : failures) {
    if (IsHandshake(status)) {
      texts.push_back(absl::StrCat("the TLS handshake with ", address,
                                   " failed: ", ReasonIn(status)));
    } else if (IsEndedConnection(status)) {
      texts.push_back(absl::StrCat(address,
                                   " takes connections but ends them before "
                                   "it answers: ",
                                   ReasonIn(status)));
    } else {
      silent.push_back(address);
    }
  }
  const bool listens = !texts.empty();
  if (!silent.empty()) {
    texts.push_back(
        absl::StrCat("no server answers at ", absl::StrJoin(silent, ", ")));
  }
  absl::Status status = absl::UnavailableError(absl::StrJoin(texts, "; "));
  if (listens) status.SetPayload(kListensPayload, absl::Cord());
  return status;
}

bool SomethingListens(const absl::Status& status) {
  return status.GetPayload(kListensPayload).has_value();
}

}  // namespace kappa::client

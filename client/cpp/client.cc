#include "client/cpp/client.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "client/cpp/connect_failure.h"
#include "client/cpp/error.h"

namespace kappa::client {
namespace {

// A name, an IPv4 address, or an IPv6 address in brackets.
bool IsHost(absl::string_view text) {
  if (absl::ConsumePrefix(&text, "[")) {
    return absl::ConsumeSuffix(&text, "]") && !text.empty() &&
           text.find_first_not_of("0123456789abcdefABCDEF:.%") ==
               absl::string_view::npos;
  }
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
           c == '-' || c == '_';
  });
}

bool IsAddress(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos || !IsHost(text.substr(0, colon))) {
    return false;
  }
  int port = 0;
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, port);
  return error == std::errc() && stop == end && port > 0 && port < 65'536;
}

absl::StatusOr<std::vector<std::string>> ParseSeeds(const std::string& text) {
  std::vector<std::string> seeds;
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    part = absl::StripAsciiWhitespace(part);
    if (!IsAddress(part)) {
      return absl::InvalidArgumentError(
          absl::StrCat("seed \"", part, "\" is not HOST:PORT"));
    }
    seeds.emplace_back(part);
  }
  if (seeds.empty()) return absl::InvalidArgumentError("no seeds are given");
  return seeds;
}

}  // namespace

Client::Client(ClientOptions options, std::vector<std::string> seeds,
               const TlsMaterial& tls)
    : options_(std::move(options)),
      nodes_(std::move(seeds)),
      channels_(options_, tls) {}

absl::StatusOr<std::shared_ptr<Client>> Client::Create(ClientOptions options) {
  absl::StatusOr<std::vector<std::string>> seeds = ParseSeeds(options.seeds);
  if (!seeds.ok()) return seeds.status();
  TlsMaterial tls;
  if (options.tls.has_value()) {
    absl::StatusOr<TlsMaterial> loaded = LoadTls(*options.tls);
    if (!loaded.ok()) return loaded.status();
    tls = *std::move(loaded);
  }
  return std::shared_ptr<Client>(
      new Client(std::move(options), *std::move(seeds), tls));
}

absl::StatusOr<std::shared_ptr<Client>> Client::Connect(ClientOptions options) {
  absl::StatusOr<std::shared_ptr<Client>> client = Create(std::move(options));
  if (!client.ok()) return client;
  // Seeds are tried in turn, a slice of time each; their channels go on
  // connecting meanwhile.
  constexpr absl::Duration kSlice = absl::Milliseconds(50);
  const std::vector<std::string>& seeds = (*client)->seeds();
  const absl::Time deadline =
      absl::Now() + (*client)->options().connect_timeout;
  do {
    for (size_t i = 0; i < seeds.size(); ++i) {
      const absl::Time slice = std::min(deadline, absl::Now() + kSlice);
      if ((*client)->ChannelTo(seeds[i])->WaitForConnected(
              absl::ToChronoTime(slice))) {
        (*client)->nodes_.Choose(i);
        return client;
      }
    }
  } while (absl::Now() < deadline);
  std::vector<std::pair<std::string, absl::Status>> failures;
  for (size_t i = 0; i < seeds.size(); ++i) {
    absl::Status why = WhyNotConnected((*client)->ChannelTo(seeds[i]));
    if (why.ok()) {
      (*client)->nodes_.Choose(i);
      return client;
    }
    failures.emplace_back(seeds[i], std::move(why));
  }
  return ConnectFailure(failures);
}

std::string Client::AddressOf(std::string_view topic, uint32_t partition) {
  std::optional<std::string> leader = leaders_.Find(topic, partition);
  return leader.has_value() ? *std::move(leader) : SeedAddress();
}

std::shared_ptr<grpc::Channel> Client::ChannelTo(const std::string& address) {
  return channels_.Get(address);
}

bool Client::NoteError(std::string_view topic, uint32_t partition,
                       const std::string& address, const absl::Status& status) {
  const v1::ErrorReason reason = ReasonOf(status);
  if (reason == v1::ERROR_REASON_NOT_LEADER) {
    std::optional<std::string> leader = MetadataOf(status, "leader");
    if (leader.has_value() && IsAddress(*leader) && *leader != address) {
      nodes_.Learn(*leader);
      // Who was told of the last leader's end later than we is no help.
      if (!nodes_.FailedLately(*leader, absl::Now())) {
        leaders_.Set(topic, partition, *std::move(leader));
        return true;
      }
    }
    leaders_.Forget(topic, partition, address);
    nodes_.MoveOn(address, absl::Now());
  } else if (reason == v1::ERROR_REASON_OUTCOME_UNKNOWN) {
    // It led, and does no longer, or passed the call on in vain.
    leaders_.Forget(topic, partition, address);
    nodes_.MoveOn(address, absl::Now());
  } else if (IsLostConnection(status) ||
             (IsRetriable(status) &&
              status.code() == absl::StatusCode::kUnavailable)) {
    NoteFailure(address);
  }
  return false;
}

void Client::NoteFailure(const std::string& address) {
  leaders_.ForgetNode(address);
  nodes_.NoteFailure(address, absl::Now());
}

}  // namespace kappa::client

#include "client/cli/cluster/cluster_text.h"

#include <unistd.h>

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/time_format.h"

namespace kappa::cli {
namespace {

// The part of an enum's name that is its own, in small letters.
std::string NameBehind(const std::string& name, const std::string& prefix) {
  return absl::AsciiStrToLower(
      name.size() > prefix.size() ? name.substr(prefix.size()) : name);
}

std::string Painted(const std::string& text, const char* color) {
  const char* const no_color = std::getenv("NO_COLOR");
  const bool plain =
      (no_color != nullptr && *no_color != '\0') || isatty(STDOUT_FILENO) == 0;
  return plain ? text : absl::StrCat("\033[", color, "m", text, "\033[0m");
}

}  // namespace

std::string OrDash(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::string TimeText(int64_t time_us) {
  return time_us == 0 ? "-" : FormatTimeUs(time_us);
}

std::string ActivityText(v1::ReplicaActivity activity) {
  return absl::StrReplaceAll(
      NameBehind(v1::ReplicaActivity_Name(activity), "REPLICA_ACTIVITY_"),
      {{"_", " "}});
}

std::string KindText(v1::HealthProblemKind kind) {
  return NameBehind(v1::HealthProblemKind_Name(kind), "HEALTH_PROBLEM_KIND_");
}

nlohmann::ordered_json Numbers(
    const google::protobuf::RepeatedField<uint64_t>& numbers) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const uint64_t number : numbers) list.push_back(number);
  return list;
}

nlohmann::ordered_json ProblemJson(const v1::HealthProblem& problem) {
  nlohmann::ordered_json json{{"kind", KindText(problem.kind())}};
  if (problem.in_group()) {
    json["topic"] = problem.topic();
    json["partition"] = problem.partition();
  }
  json["nodes"] = Numbers(problem.nodes());
  if (problem.entries_behind() > 0) {
    json["entries_behind"] = problem.entries_behind();
    json["bytes_behind"] = problem.bytes_behind();
    json["activity"] = ActivityText(problem.activity());
  }
  json["since_time"] = TimeText(problem.since_time_us());
  json["message"] = problem.message();
  return json;
}

std::string Green(const std::string& text) { return Painted(text, "32"); }
std::string Red(const std::string& text) { return Painted(text, "31"); }

}  // namespace kappa::cli

// Words for what the cluster's messages say.
#ifndef KAPPA_CLIENT_CLI_CLUSTER_CLUSTER_TEXT_H_
#define KAPPA_CLIENT_CLI_CLUSTER_CLUSTER_TEXT_H_

#include <cstdint>
#include <string>

#include "google/protobuf/repeated_field.h"
#include "kappa/v1/cluster_service.pb.h"
#include "nlohmann/json.hpp"

namespace kappa::cli {

// "-" for an empty text, for 0.
std::string OrDash(const std::string& text);
std::string TimeText(int64_t time_us);
// "catches up"
std::string ActivityText(v1::ReplicaActivity activity);
// "no_quorum"
std::string KindText(v1::HealthProblemKind kind);
nlohmann::ordered_json Numbers(
    const google::protobuf::RepeatedField<uint64_t>& numbers);
nlohmann::ordered_json ProblemJson(const v1::HealthProblem& problem);

// The text in green or red, if standard output is a terminal and NO_COLOR is
// not set.
std::string Green(const std::string& text);
std::string Red(const std::string& text);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_CLUSTER_CLUSTER_TEXT_H_

#include "server/topic_rules.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "proto/wire/record_set.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

bool IsNameByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
         c == '_' || c == '-';
}

absl::Status CheckAtMost(std::string_view limit, uint64_t max, uint64_t value) {
  return value <= max ? absl::OkStatus() : LimitError(limit, max, value);
}

// A name as it came; what is not printable is escaped.
std::string Quoted(std::string_view name) {
  return absl::StrCat(
      "\"", absl::CHexEscape(ToAbsl(name.substr(0, kNameBytesMax))), "\"");
}

template <typename Labels>
absl::Status CheckLabels(const Labels& labels) {
  absl::Status status = CheckAtMost("labels_max", kLabelsMax,
                                    static_cast<uint64_t>(labels.size()));
  std::vector<std::string> names;
  for (const v1::Label& label : labels) {
    const bool legal =
        std::all_of(label.name().begin(), label.name().end(),
                    [](char c) { return IsNameByte(c) || c == '/'; });
    if (label.name().empty() || !legal) {
      return MakeError(v1::ERROR_REASON_INVALID_NAME,
                       absl::StrCat("label name ", Quoted(label.name()),
                                    ": must be 1 to 63 bytes of "
                                    "[A-Za-z0-9._/-]"));
    }
    status.Update(CheckAtMost("label_name_bytes_max", kLabelNameBytesMax,
                              label.name().size()));
    status.Update(CheckAtMost("label_value_bytes_max", kLabelValueBytesMax,
                              label.value().size()));
    names.push_back(label.name());
  }
  if (!status.ok()) return status;
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    return MakeError(v1::ERROR_REASON_MALFORMED_REQUEST,
                     absl::StrCat("label ", *twice, " is given twice"));
  }
  return absl::OkStatus();
}

absl::Status CheckCodecs(const v1::CompressionList& list) {
  bool seen[v1::Compression_ARRAYSIZE] = {};
  for (const int codec : list.compressions()) {
    if (codec <= 0 || codec >= v1::Compression_ARRAYSIZE) {
      return MakeError(
          v1::ERROR_REASON_COMPRESSION_REFUSED,
          absl::StrCat("compression ", codec, " is not a codec of this server"),
          {{"compression", absl::StrCat(codec)}});
    }
    if (seen[codec]) {
      return MakeError(v1::ERROR_REASON_MALFORMED_REQUEST,
                       absl::StrCat("compression ", codec, " is given twice"));
    }
    seen[codec] = true;
  }
  return absl::OkStatus();
}

absl::Status CheckLimits(const v1::TopicLimits& limits) {
  absl::Status status =
      CheckAtMost("batch_bytes_max", kBatchBytesMax, limits.batch_bytes_max());
  status.Update(CheckAtMost("batch_records_max", kBatchRecordsMax,
                            limits.batch_records_max()));
  return status;
}

void SetLabels(const google::protobuf::RepeatedPtrField<v1::Label>& labels,
               v1::Topic* topic) {
  *topic->mutable_labels() = labels;
  std::sort(topic->mutable_labels()->begin(), topic->mutable_labels()->end(),
            [](const v1::Label& a, const v1::Label& b) {
              return a.name() < b.name();
            });
}

void SetCodecs(const v1::CompressionList& list, v1::Topic* topic) {
  *topic->mutable_accepted_compressions() = list.compressions();
  std::sort(topic->mutable_accepted_compressions()->begin(),
            topic->mutable_accepted_compressions()->end());
}

}  // namespace

absl::Status CheckName(std::string_view what, std::string_view name) {
  const bool legal = std::all_of(name.begin(), name.end(), IsNameByte);
  if (!name.empty() && name.size() <= kNameBytesMax && legal && name != "." &&
      name != "..") {
    return absl::OkStatus();
  }
  return MakeError(
      v1::ERROR_REASON_INVALID_NAME,
      absl::StrCat(ToAbsl(what), " name ", Quoted(name), " of ", name.size(),
                   " bytes: must be 1 to 200 bytes of [A-Za-z0-9._-], neither "
                   "\".\" nor \"..\""));
}

absl::Status LimitError(std::string_view limit, uint64_t max, uint64_t value) {
  return MakeError(
      v1::ERROR_REASON_LIMIT_EXCEEDED,
      absl::StrCat("limit ", ToAbsl(limit), " ", max, ": given ", value),
      {{"limit", std::string(limit)},
       {"max", absl::StrCat(max)},
       {"value", absl::StrCat(value)}});
}

absl::Status CheckPartitions(uint32_t partitions) {
  return CheckAtMost("partitions_max", kTopicPartitionsMax, partitions);
}

absl::Status CheckReplicas(uint32_t replicas, uint32_t nodes) {
  if (replicas <= nodes) return absl::OkStatus();
  return MakeError(
      v1::ERROR_REASON_TOO_FEW_NODES,
      absl::StrCat(replicas,
                   " replicas were asked for; the "
                   "cluster has ",
                   nodes, " node(s)"),
      {{"replicas", absl::StrCat(replicas)}, {"nodes", absl::StrCat(nodes)}});
}

absl::StatusOr<v1::Topic> TopicOf(const v1::CreateTopicRequest& request) {
  absl::Status status = CheckName("topic", request.name());
  status.Update(CheckPartitions(request.partitions()));
  status.Update(CheckAtMost("description_bytes_max", kDescriptionBytesMax,
                            request.description().size()));
  status.Update(CheckLabels(request.labels()));
  status.Update(CheckLimits(request.limits()));
  status.Update(CheckCodecs(request.accepted_compressions()));
  if (!status.ok()) return status;

  v1::Topic topic;
  topic.set_name(request.name());
  topic.set_partitions(std::max<uint32_t>(1, request.partitions()));
  topic.set_replicas(request.replicas());
  topic.set_description(request.description());
  SetLabels(request.labels(), &topic);
  topic.set_deletion_protection(!request.has_deletion_protection() ||
                                request.deletion_protection());
  const v1::TopicLimits& limits = request.limits();
  topic.mutable_limits()->set_batch_bytes_max(limits.batch_bytes_max() != 0
                                                  ? limits.batch_bytes_max()
                                                  : kBatchBytesDefault);
  topic.mutable_limits()->set_batch_records_max(limits.batch_records_max() != 0
                                                    ? limits.batch_records_max()
                                                    : kBatchRecordsDefault);
  if (request.has_accepted_compressions()) {
    SetCodecs(request.accepted_compressions(), &topic);
  } else {
    topic.add_accepted_compressions(v1::COMPRESSION_ZSTD);
    topic.add_accepted_compressions(v1::COMPRESSION_LZ4);
  }
  return topic;
}

absl::Status CheckUpdate(const v1::UpdateTopicRequest& request) {
  absl::Status status = CheckName("topic", request.name());
  status.Update(CheckAtMost("description_bytes_max", kDescriptionBytesMax,
                            request.description().size()));
  status.Update(CheckLabels(request.labels().labels()));
  status.Update(CheckLimits(request.limits()));
  status.Update(CheckCodecs(request.accepted_compressions()));
  return status;
}

void ApplyUpdate(const v1::UpdateTopicRequest& request, v1::Topic* topic) {
  if (request.has_description()) topic->set_description(request.description());
  if (request.has_labels()) SetLabels(request.labels().labels(), topic);
  if (request.has_deletion_protection()) {
    topic->set_deletion_protection(request.deletion_protection());
  }
  const v1::TopicLimits& limits = request.limits();
  if (limits.batch_bytes_max() != 0) {
    topic->mutable_limits()->set_batch_bytes_max(limits.batch_bytes_max());
  }
  if (limits.batch_records_max() != 0) {
    topic->mutable_limits()->set_batch_records_max(limits.batch_records_max());
  }
  if (request.has_accepted_compressions()) {
    SetCodecs(request.accepted_compressions(), topic);
  }
  if (request.replicas() != 0) topic->set_replicas(request.replicas());
}

bool SameSettings(const v1::Topic& a, const v1::Topic& b) {
  v1::Topic of_a = a;
  of_a.set_uuid(b.uuid());
  of_a.set_create_time_us(b.create_time_us());
  return google::protobuf::util::MessageDifferencer::Equals(of_a, b);
}

}  // namespace kappa::server

#include "tests/checker/event_json.h"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "tests/checker/event.h"

namespace kappa::checker {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr std::array<const char*, 8> kTypeNames = {
    "invoke", "part", "ok", "fail", "unknown", "final", "fault", "heal"};
constexpr std::array<const char*, 6> kKindNames = {
    "append", "conditional-append", "read",
    "replay", "end-offset",         "open-producer"};

// Sets of event types and of kinds of invocations.
constexpr uint32_t Bit(EventType type) {
  return uint32_t{1} << static_cast<int>(type);
}
constexpr uint32_t Bit(OperationKind kind) {
  return uint32_t{1} << (16 + static_cast<int>(kind));
}

constexpr uint32_t kAnswers = Bit(EventType::kPart) | Bit(EventType::kOk) |
                              Bit(EventType::kFail) | Bit(EventType::kUnknown);
constexpr uint32_t kOperations = Bit(EventType::kInvoke) | kAnswers;
constexpr uint32_t kMarks = Bit(EventType::kFault) | Bit(EventType::kHeal);
constexpr uint32_t kReading =
    Bit(OperationKind::kRead) | Bit(OperationKind::kReplay);
constexpr uint32_t kAppending =
    Bit(OperationKind::kAppend) | Bit(OperationKind::kConditionalAppend);
constexpr uint32_t kDelivering =
    Bit(EventType::kPart) | Bit(EventType::kOk) | Bit(EventType::kFail) |
    Bit(EventType::kUnknown) | Bit(EventType::kFinal);

// So that no sum of an offset and a count overflows.
constexpr uint64_t kNumberMax = std::numeric_limits<int64_t>::max();

bool Set(const Json& json, uint64_t* number) {
  if (!json.is_number_unsigned()) return false;
  *number = json.get<uint64_t>();
  return *number <= kNumberMax;
}

bool Set(const Json& json, int64_t* number) {
  uint64_t value = 0;
  if (!Set(json, &value)) return false;
  *number = static_cast<int64_t>(value);
  return true;
}

bool Set(const Json& json, std::string* text) {
  if (!json.is_string()) return false;
  *text = json.get_ref<const std::string&>();
  return true;
}

bool Set(const Json& json, bool* flag) {
  if (!json.is_boolean()) return false;
  *flag = json.get<bool>();
  return true;
}

template <typename T>
bool Set(const Json& json, std::optional<T>* field) {
  return Set(json, &field->emplace());
}

bool Set(const Json& json, EventGap* gap) {
  return json.is_array() && json.size() == 2 && Set(json[0], &gap->first) &&
         Set(json[1], &gap->next) && gap->first < gap->next;
}

bool Set(const Json& json, EventBatch* batch);

template <typename T>
bool Set(const Json& json, std::vector<T>* items) {
  if (!json.is_array()) return false;
  items->reserve(json.size());
  for (const Json& item : json) {
    if (!Set(item, &items->emplace_back())) return false;
  }
  return true;
}

// Each record has a digest or none has.
bool DigestsFit(const std::vector<std::string>& values,
                const std::vector<std::string>& digests) {
  return digests.empty() || digests.size() == values.size();
}

bool Set(const Json& json, EventBatch* batch) {
  if (!json.is_object()) return false;
  bool has_offset = false;
  for (const auto& [name, value] : json.items()) {
    bool good = false;
    if (name == "offset") {
      good = has_offset = Set(value, &batch->offset);
    } else if (name == "values") {
      good = Set(value, &batch->values);
    } else if (name == "digests") {
      good = Set(value, &batch->digests);
    } else if (name == "append_time_us") {
      good = Set(value, &batch->append_time_us);
    } else if (name == "chain") {
      good = Set(value, &batch->chain);
    }
    if (!good) return false;
  }
  return has_offset && !batch->values.empty() &&
         DigestsFit(batch->values, batch->digests);
}

bool SetConsistency(const Json& json, Event* event) {
  event->committed = json == "committed";
  return event->committed || json == "linearizable";
}

// A field of an event: what may have it, what must have it, how it is read.
// For an invocation its kind decides; type and kind are read before.
struct Field {
  const char* name;
  uint32_t allowed;
  uint32_t required;
  bool (*set)(const Json& json, Event* event);
};

template <auto Member>
bool SetField(const Json& json, Event* event) {
  return Set(json, &(event->*Member));
}

bool Ignore(const Json& /*json*/, Event* /*event*/) { return true; }

constexpr uint32_t kAllKinds = 0x3f << 16;

constexpr Field kFields[] = {
    {"type", ~0u, ~0u, Ignore},
    {"kind", kAllKinds, kAllKinds, Ignore},
    {"op", kAllKinds | kAnswers, kAllKinds | kAnswers, SetField<&Event::op>},
    {"time_us", ~0u, kAllKinds | kAnswers | kMarks, SetField<&Event::time_us>},
    {"node", kAllKinds | kAnswers | Bit(EventType::kFinal),
     Bit(EventType::kFinal), SetField<&Event::node>},
    {"process", kAllKinds, kAllKinds, SetField<&Event::process>},
    {"partition",
     kAppending | kReading | Bit(OperationKind::kEndOffset) |
         Bit(EventType::kFinal),
     kAppending | kReading | Bit(OperationKind::kEndOffset) |
         Bit(EventType::kFinal),
     SetField<&Event::partition>},
    {"partitions", Bit(OperationKind::kOpenProducer), 0,
     SetField<&Event::partitions>},
    {"values", kAppending, kAppending, SetField<&Event::values>},
    {"digests", kAppending, 0, SetField<&Event::digests>},
    {"producer", kAppending | Bit(OperationKind::kOpenProducer),
     Bit(OperationKind::kOpenProducer), SetField<&Event::producer>},
    {"epoch", kAppending | Bit(EventType::kOk), 0, SetField<&Event::epoch>},
    {"sequence", kAppending, 0, SetField<&Event::sequence>},
    {"expected", Bit(OperationKind::kConditionalAppend),
     Bit(OperationKind::kConditionalAppend), SetField<&Event::expected>},
    {"from", kReading, 0, SetField<&Event::from>},
    {"resume", kReading, 0, SetField<&Event::resume>},
    {"consistency", kReading | Bit(OperationKind::kEndOffset), 0,
     SetConsistency},
    {"offset", Bit(EventType::kOk), 0, SetField<&Event::offset>},
    {"append_time_us", Bit(EventType::kOk), 0,
     SetField<&Event::append_time_us>},
    {"chain", Bit(EventType::kOk) | Bit(EventType::kFinal), 0,
     SetField<&Event::chain>},
    {"end",
     Bit(EventType::kOk) | Bit(EventType::kFail) | Bit(EventType::kFinal), 0,
     SetField<&Event::end>},
    {"batches", kDelivering, 0, SetField<&Event::batches>},
    {"gaps", kDelivering, 0, SetField<&Event::gaps>},
    {"reason", Bit(EventType::kFail) | Bit(EventType::kUnknown), 0,
     SetField<&Event::reason>},
    {"what", kMarks, Bit(EventType::kFault), SetField<&Event::what>},
    {"within_us", Bit(EventType::kHeal), 0, SetField<&Event::within_us>},
};

absl::Status Bad(absl::string_view text) {
  return absl::InvalidArgumentError(text);
}

// Finds the name that a field of the line holds.
template <typename Enum, size_t N>
bool SetName(const Json& json, const std::string& field,
             const std::array<const char*, N>& names, Enum* value) {
  const auto found = json.find(field);
  if (found == json.end() || !found->is_string()) return false;
  for (size_t i = 0; i < N; ++i) {
    if (found->get_ref<const std::string&>() == names[i]) {
      *value = static_cast<Enum>(i);
      return true;
    }
  }
  return false;
}

absl::Status SetFields(const Json& json, uint32_t self, Event* event) {
  size_t found_count = 0;
  for (const Field& field : kFields) {
    const auto found = json.find(field.name);
    if (found == json.end()) {
      if ((field.required & self) == 0) continue;
      return Bad(absl::StrCat("\"", field.name, "\" is missing"));
    }
    if ((field.allowed & self) == 0) {
      return Bad(absl::StrCat("\"", field.name, "\" does not belong here"));
    }
    if (!field.set(*found, event)) {
      return Bad(absl::StrCat("\"", field.name, "\" is not what it must be"));
    }
    ++found_count;
  }
  if (found_count == json.size()) return absl::OkStatus();
  for (const auto& [name, value] : json.items()) {
    bool known = false;
    for (const Field& field : kFields) known |= name == field.name;
    if (!known) return Bad(absl::StrCat("\"", name, "\" is no known field"));
  }
  return absl::OkStatus();
}

// What no single field shows.
absl::Status CheckInvocation(const Event& event) {
  const uint32_t self = Bit(event.kind);
  if ((self & kAppending) != 0) {
    if (event.values.empty()) return Bad("\"values\" is empty");
    if (!DigestsFit(event.values, event.digests)) {
      return Bad("\"digests\" and \"values\" differ in number");
    }
    if (event.producer.has_value() != event.sequence.has_value()) {
      return Bad("\"producer\" and \"sequence\" go together");
    }
    if (event.epoch.has_value() && !event.producer.has_value()) {
      return Bad("\"epoch\" needs \"producer\"");
    }
  }
  if (event.resume && event.from.has_value()) {
    return Bad("\"from\" and \"resume\" exclude each other");
  }
  return absl::OkStatus();
}

OrderedJson ToJson(const EventBatch& batch) {
  OrderedJson json = {{"offset", batch.offset}, {"values", batch.values}};
  if (!batch.digests.empty()) json["digests"] = batch.digests;
  if (batch.append_time_us) json["append_time_us"] = *batch.append_time_us;
  if (batch.chain) json["chain"] = *batch.chain;
  return json;
}

template <typename T>
void Put(const char* name, const std::optional<T>& value, OrderedJson* json) {
  if (value.has_value()) (*json)[name] = *value;
}

void PutInvocation(const Event& event, OrderedJson* json) {
  const uint32_t self = Bit(event.kind);
  (*json)["process"] = event.process;
  (*json)["kind"] = NameOf(event.kind);
  if (event.kind == OperationKind::kOpenProducer) {
    (*json)["partitions"] = event.partitions;
  } else {
    (*json)["partition"] = event.partition;
  }
  if ((self & kAppending) != 0) {
    (*json)["values"] = event.values;
    if (!event.digests.empty()) (*json)["digests"] = event.digests;
    Put("epoch", event.epoch, json);
    Put("sequence", event.sequence, json);
  }
  Put("producer", event.producer, json);
  if (event.kind == OperationKind::kConditionalAppend) {
    Put("expected", event.expected, json);
  }
  if ((self & kReading) != 0) {
    Put("from", event.from, json);
    if (event.resume) (*json)["resume"] = true;
  }
  if (event.committed) (*json)["consistency"] = "committed";
}

void PutAnswer(const Event& event, OrderedJson* json) {
  const uint32_t self = Bit(event.type);
  if (event.type == EventType::kOk) {
    Put("offset", event.offset, json);
    Put("append_time_us", event.append_time_us, json);
    Put("epoch", event.epoch, json);
  }
  if (event.type != EventType::kPart && event.type != EventType::kUnknown) {
    Put("end", event.end, json);
  }
  if (event.type == EventType::kOk || event.type == EventType::kFinal) {
    Put("chain", event.chain, json);
  }
  if ((self & kDelivering) == 0) return;
  if (!event.batches.empty()) {
    OrderedJson& batches = (*json)["batches"] = OrderedJson::array();
    for (const EventBatch& batch : event.batches) {
      batches.push_back(ToJson(batch));
    }
  }
  if (!event.gaps.empty()) {
    OrderedJson& gaps = (*json)["gaps"] = OrderedJson::array();
    for (const EventGap& gap : event.gaps) {
      gaps.push_back(OrderedJson::array({gap.first, gap.next}));
    }
  }
  if (!event.reason.empty()) (*json)["reason"] = event.reason;
}

}  // namespace

const char* NameOf(OperationKind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}

const char* NameOf(EventType type) {
  return kTypeNames[static_cast<size_t>(type)];
}

absl::StatusOr<Event> ParseEvent(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Bad("no JSON object");
  Event event;
  if (!SetName(json, "type", kTypeNames, &event.type)) {
    return Bad("\"type\" is missing or unknown");
  }
  uint32_t self = Bit(event.type);
  if (event.type == EventType::kInvoke) {
    if (!SetName(json, "kind", kKindNames, &event.kind)) {
      return Bad("\"kind\" is missing or unknown");
    }
    self = Bit(event.kind);
  }
  absl::Status status = SetFields(json, self, &event);
  if (status.ok() && event.type == EventType::kInvoke) {
    status = CheckInvocation(event);
  }
  if (!status.ok()) return status;
  return event;
}

std::string FormatEvent(const Event& event) {
  OrderedJson json = {{"type", NameOf(event.type)}};
  const uint32_t self = Bit(event.type);
  if ((self & kOperations) != 0) json["op"] = event.op;
  if (event.type != EventType::kFinal || event.time_us != 0) {
    json["time_us"] = event.time_us;
  }
  if (!event.node.empty()) json["node"] = event.node;
  if (event.type == EventType::kInvoke) PutInvocation(event, &json);
  if (event.type == EventType::kFinal) json["partition"] = event.partition;
  if ((self & (kAnswers | kDelivering)) != 0) PutAnswer(event, &json);
  if ((self & kMarks) != 0) {
    json["what"] = event.what;
    Put("within_us", event.within_us, &json);
  }
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace kappa::checker

// Events from and to their lines of JSON. README.md has the schema.
#ifndef KAPPA_TESTS_CHECKER_EVENT_JSON_H_
#define KAPPA_TESTS_CHECKER_EVENT_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/checker/event.h"

namespace kappa::checker {

// Reads one line.
// Errors: INVALID_ARGUMENT when it is no JSON object, or a field is missing,
// unknown, of a wrong type or not one of its type of event.
absl::StatusOr<Event> ParseEvent(std::string_view line);

// The line of an event, without the newline. Bytes that are no UTF-8 are
// replaced. Fields that its type does not have are left out.
std::string FormatEvent(const Event& event);

// As in the schema, e.g. "conditional-append".
const char* NameOf(OperationKind kind);
// As in the schema, e.g. "invoke".
const char* NameOf(EventType type);

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_EVENT_JSON_H_

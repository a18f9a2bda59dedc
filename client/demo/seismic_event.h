// SeismicEvent: what the views need of one record of the topic "earthquakes".
#ifndef KAPPA_CLIENT_DEMO_SEISMIC_EVENT_H_
#define KAPPA_CLIENT_DEMO_SEISMIC_EVENT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kappa::demo {

struct SeismicEvent {
  std::string day;       // UTC, "2016-01-31"
  double depth_km = 0;   // negative above sea level
  double magnitude = 0;  // of whatever scale the network reported
};

// Reads a record's value: one JSON object of a catalogue row's columns, all of
// them text.
// Errors: INVALID_ARGUMENT naming the column and its value.
absl::StatusOr<SeismicEvent> ParseSeismicEvent(std::string_view json);

}  // namespace kappa::demo

#endif  // KAPPA_CLIENT_DEMO_SEISMIC_EVENT_H_

// The two versions of the view over the topic "earthquakes". A view is a fold
// over the log: the same records give the same rows, whenever it is computed.
#ifndef KAPPA_CLIENT_DEMO_VIEW_H_
#define KAPPA_CLIENT_DEMO_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/demo/seismic_event.h"

namespace kappa::demo {

// Events counted and the strongest of them kept, per group of events.
//
// Thread safety: thread-compatible.
class View {
 public:
  // Errors: INVALID_ARGUMENT: neither "v1" nor "v2".
  static absl::StatusOr<std::unique_ptr<View>> Create(std::string_view version);
  virtual ~View() = default;

  void Fold(const SeismicEvent& event);

  // Names of the columns that tell groups apart.
  virtual std::vector<std::string> KeyColumns() const = 0;
  size_t row_count() const { return rows_.size(); }
  uint64_t event_count() const { return event_count_; }
  // Header and rows, ordered by the key columns, "," between fields.
  std::string ToCsv() const;
  // The first `rows_max` rows, aligned for a terminal.
  std::string ToTable(size_t rows_max) const;

 protected:
  virtual std::vector<std::string> KeyOf(const SeismicEvent& event) const = 0;

 private:
  struct Row {
    uint64_t events = 0;
    double strongest = 0;
  };
  using Cells = std::vector<std::string>;

  Cells Header() const;
  static Cells CellsOf(const Cells& key, const Row& row);

  std::map<Cells, Row> rows_;
  uint64_t event_count_ = 0;
};

// "0-70 km" (shallow), "70-300 km" (intermediate), "300+ km" (deep): the usual
// classes of seismology; the lower bound belongs to the band, and whatever lies
// above sea level to the first one.
std::string DepthBand(double depth_km);

}  // namespace kappa::demo

#endif  // KAPPA_CLIENT_DEMO_VIEW_H_

#include "tests/simulation/results_file.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "nlohmann/json.hpp"

namespace kappa::simulation {

ResultsFile::ResultsFile(std::string path, ResultsKey key)
    : path_(std::move(path)), key_(std::move(key)) {
  std::ifstream file(path_);
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json row = nlohmann::json::parse(line, nullptr, false);
    // A line that was cut off by a kill is run again.
    if (row.is_discarded() || row.value("core", "") != key_.core_digest ||
        row.value("seconds", 0.0) != key_.seconds ||
        row.value("groups", size_t{0}) != key_.groups) {
      continue;
    }
    const Stretch stretch{row.value("first", uint64_t{0}),
                          row.value("last", uint64_t{0})};
    if (IsDone(stretch.first, stretch.last)) continue;
    done_.push_back(stretch);
    seeds_before_ += stretch.last - stretch.first + 1;
    failures_before_ += row["failures"].size();
  }
}

bool ResultsFile::IsDone(uint64_t first, uint64_t last) const {
  return std::any_of(done_.begin(), done_.end(), [&](const Stretch& stretch) {
    return stretch.first == first && stretch.last == last;
  });
}

void ResultsFile::Add(uint64_t first, uint64_t last,
                      const SeedRunner& results) {
  if (path_.empty()) return;
  const RunCounts& counts = results.counts();
  nlohmann::json row = {
      {"first", first},
      {"last", last},
      {"seconds", key_.seconds},
      {"groups", key_.groups},
      {"commit", key_.commit},
      {"core", key_.core_digest},
      {"simulated_hours", static_cast<double>(counts.simulated_us) / 3.6e9},
      {"commits", counts.commits},
      {"leader_changes", counts.leader_changes},
      {"configurations", counts.configurations_finished},
      {"failures", nlohmann::json::array()}};
  for (const SeedFailure& failure : results.failures()) {
    row["failures"].push_back(
        {{"seed", failure.seed}, {"breach", failure.breach}});
  }
  std::ofstream file(path_, std::ios::app);
  file << row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
       << "\n";
}

}  // namespace kappa::simulation

// ResultsFile: which seeds were run, one line for each stretch of them.
#ifndef KAPPA_TESTS_SIMULATION_RESULTS_FILE_H_
#define KAPPA_TESTS_SIMULATION_RESULTS_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/run_counts.h"
#include "tests/simulation/seed_runner.h"

namespace kappa::simulation {

// What a result belongs to: only results of the same core count as done.
struct ResultsKey {
  std::string commit;
  std::string core_digest;  // of the sources of raft/
  double seconds = 0;
  size_t groups = 0;
};

// Lines of JSON, appended to.
//
// Thread safety: thread-compatible.
class ResultsFile {
 public:
  // Reads what is there; a file that does not exist is empty. `path` may be
  // empty: then nothing is read or written.
  ResultsFile(std::string path, ResultsKey key);

  // Whether exactly these seeds were run with this core and these seconds.
  bool IsDone(uint64_t first, uint64_t last) const;
  // Appends a line for seeds [first, last].
  void Add(uint64_t first, uint64_t last, const SeedRunner& results);

  // Seeds that were done before, and how many of them failed.
  uint64_t seeds_before() const { return seeds_before_; }
  uint64_t failures_before() const { return failures_before_; }

 private:
  struct Stretch {
    uint64_t first = 0;
    uint64_t last = 0;
  };

  std::string path_;
  ResultsKey key_;
  std::vector<Stretch> done_;
  uint64_t seeds_before_ = 0;
  uint64_t failures_before_ = 0;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_RESULTS_FILE_H_

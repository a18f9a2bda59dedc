// make_history: writes a long legal history, to see how fast the checker is.
//
//   make_history FILE OPERATIONS [SEED]
//
// It consists of histories of at most 100,000 operations on partitions of their
// own, which run at the same time.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/checker/event.h"
#include "tests/checker/event_json.h"
#include "tests/checker/legal_history.h"

namespace kappa::checker {
namespace {

constexpr uint64_t kPieceOperations = 100'000;
// Numbers that a piece has for its operations and processes: a window that is
// under way at its end may take it past the operations asked for.
constexpr uint64_t kPieceNumbers = 2 * kPieceOperations;

void Rename(const std::string& prefix, std::string* name) {
  name->insert(0, prefix);
}

// Makes what belongs to one piece differ from all others.
void Rename(uint64_t piece, Event* event) {
  const std::string prefix = absl::StrCat(piece, "-");
  event->op += piece * kPieceNumbers;
  event->process += piece * kPieceNumbers;
  Rename(prefix, &event->partition);
  if (event->producer) Rename(prefix, &*event->producer);
  for (std::string& name : event->partitions) Rename(prefix, &name);
  for (std::string& value : event->values) Rename(prefix, &value);
  for (EventBatch& batch : event->batches) {
    for (std::string& value : batch.values) Rename(prefix, &value);
  }
}

int Main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fprintf(stderr, "make_history FILE OPERATIONS [SEED]\n");
    return 2;
  }
  std::ofstream file(argv[1], std::ios::binary);
  const uint64_t operations = std::strtoull(argv[2], nullptr, 10);
  LegalHistoryOptions options;
  options.seed = argc == 4 ? std::strtoull(argv[3], nullptr, 10) : 1;
  for (uint64_t first = 0; first < operations; first += kPieceOperations) {
    options.operations = std::min(kPieceOperations, operations - first);
    for (Event& event : LegalHistory(options).Run()) {
      // A heal of one piece would be one of all.
      if (event.type == EventType::kFault || event.type == EventType::kHeal) {
        continue;
      }
      Rename(first / kPieceOperations, &event);
      file << FormatEvent(event) << "\n";
    }
    ++options.seed;
  }
  file.close();
  if (!file) std::fprintf(stderr, "make_history: writing failed\n");
  return file ? 0 : 1;
}

}  // namespace
}  // namespace kappa::checker

int main(int argc, char** argv) { return kappa::checker::Main(argc, argv); }

// Ballast: space that is taken in good times, to be given up in bad ones
// (RELIABILITY.md S10).
#ifndef KAPPA_STORAGE_BALLAST_H_
#define KAPPA_STORAGE_BALLAST_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace kappa::storage {

// A preallocated file of its own, DIR/ballast. Nothing is ever read from it.
//
// Thread safety: thread-compatible.
class Ballast {
 public:
  // Takes over the file that an earlier process left, whatever its size;
  // changes nothing yet.
  explicit Ballast(const std::string& directory);

  // Makes the ballast `bytes` large, more or less than before; its blocks are
  // there on return. Errors: RESOURCE_EXHAUSTED: no space (then it is as it
  // was); those of the file system.
  absl::Status Resize(uint64_t bytes);
  // Gives all of it back to the file system. Errors: those of the file system.
  absl::Status Release() { return Resize(0); }

  // Blocks that are there now: somebody else may have taken them.
  uint64_t bytes() const;

 private:
  const std::string path_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_BALLAST_H_

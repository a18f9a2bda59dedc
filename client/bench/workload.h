// Workload: what is appended during a measurement.
#ifndef KAPPA_CLIENT_BENCH_WORKLOAD_H_
#define KAPPA_CLIENT_BENCH_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kappa::bench {

// Values of one length that do not compress and do not repeat within 32 MiB.
//
// Thread safety: thread-compatible.
class Workload {
 public:
  Workload(size_t record_bytes, uint64_t seed);
  // Valid as long as the workload.
  std::string_view Next();

 private:
  const size_t record_bytes_;
  std::string pool_;
  size_t at_ = 0;
};

}  // namespace kappa::bench

#endif  // KAPPA_CLIENT_BENCH_WORKLOAD_H_

// Workload: what is appended during a measurement.
#ifndef KAPPA_CLIENT_BENCH_WORKLOAD_H_
#define KAPPA_CLIENT_BENCH_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kappa::bench {

// Values of one length that do not compress and do not repeat within 32 MiB, or
// that are cut one after the other from bytes that were given.
//
// Thread safety: thread-compatible.
class Workload {
 public:
  // `values` may be null, else it has at least `record_bytes` bytes.
  Workload(size_t record_bytes, uint64_t seed,
           std::shared_ptr<const std::string> values = nullptr);
  // Valid as long as the workload.
  std::string_view Next();

 private:
  const size_t record_bytes_;
  std::shared_ptr<const std::string> pool_;
  size_t at_ = 0;
};

}  // namespace kappa::bench

#endif  // KAPPA_CLIENT_BENCH_WORKLOAD_H_

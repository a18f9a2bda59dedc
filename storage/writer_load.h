// WriterLoad: what the log writer does, and whether the machine lets it.
#ifndef KAPPA_STORAGE_WRITER_LOAD_H_
#define KAPPA_STORAGE_WRITER_LOAD_H_

#include <cstdint>
#include <optional>

namespace kappa::storage {

// Of one thread, since it started; counters only grow.
struct ProcessorWaits {
  uint64_t count = 0;      // times it was given a processor
  uint64_t waited_us = 0;  // time in which it could have run and had none
};

// For who asks many times a second. Counters only grow.
struct WriterLoad {
  uint64_t payload_bytes = 0;  // written and durable
  // Of the writer's thread; absent where the kernel does not tell.
  std::optional<ProcessorWaits> waits;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_WRITER_LOAD_H_

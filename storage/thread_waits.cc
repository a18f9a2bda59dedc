#include "storage/thread_waits.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>

#include "proto/wire/check.h"

namespace kappa::storage {

ThreadWaits::~ThreadWaits() {
  const int file = file_.load();
  if (file >= 0) close(file);
}

void ThreadWaits::BeginHere() {
  KAPPA_CHECK(file_.load() < 0, "one thread is looked at");
  file_ = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
}

std::optional<ProcessorWaits> ThreadWaits::Read() const {
  const int file = file_.load();
  if (file < 0) return std::nullopt;
  // Nanoseconds run, nanoseconds waited, times it was given a processor.
  std::array<char, 96> text{};
  const ssize_t length = pread(file, text.data(), text.size() - 1, 0);
  unsigned long long ran_ns = 0;
  unsigned long long waited_ns = 0;
  unsigned long long count = 0;
  if (length <= 0 || std::sscanf(text.data(), "%llu %llu %llu", &ran_ns,
                                 &waited_ns, &count) != 3) {
    return std::nullopt;
  }
  return ProcessorWaits{count, waited_ns / 1000};
}

}  // namespace kappa::storage

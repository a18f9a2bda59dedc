// BackgroundWrite: a write that the kernel makes durable while its thread does
// something else.
#ifndef KAPPA_STORAGE_BACKGROUND_WRITE_H_
#define KAPPA_STORAGE_BACKGROUND_WRITE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

namespace kappa::storage {

// One write at a time, by the kernel's own asynchronous I/O.
//
// Thread safety: thread-compatible.
class BackgroundWrite {
 public:
  // nullptr where the kernel does not offer it.
  static std::unique_ptr<BackgroundWrite> Create();

  // Waits for a running write.
  ~BackgroundWrite();
  BackgroundWrite(const BackgroundWrite&) = delete;
  BackgroundWrite& operator=(const BackgroundWrite&) = delete;

  // Starts to write `count` bytes at `at` of the file, and to sync them;
  // `bytes` must stay as they are until Wait returns. Only a file that was
  // opened with O_DIRECT is written in the background; `bytes`, `count` and
  // `at` as that asks for. Requires: no write is running. Returns 0, or an
  // errno: nothing was started.
  int Start(int file, const char* bytes, size_t count, uint64_t at);

  // Returns 0: all bytes are durable; else an errno: what is in the file is
  // unknown, and if running() it may still be written. Requires: a write is
  // running.
  int Wait();

  bool running() const { return count_ > 0; }

 private:
  explicit BackgroundWrite(unsigned long context) : context_(context) {}

  const unsigned long context_;
  size_t count_ = 0;  // of the running write
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_BACKGROUND_WRITE_H_

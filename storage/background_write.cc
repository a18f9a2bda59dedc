#include "storage/background_write.h"

#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <bit>
#include <cerrno>

#include "proto/wire/check.h"

namespace kappa::storage {

std::unique_ptr<BackgroundWrite> BackgroundWrite::Create() {
  aio_context_t context = 0;
  if (syscall(SYS_io_setup, 1, &context) != 0) return nullptr;
  return std::unique_ptr<BackgroundWrite>(new BackgroundWrite(context));
}

BackgroundWrite::~BackgroundWrite() {
  // The kernel waits for what runs.
  syscall(SYS_io_destroy, context_);
}

int BackgroundWrite::Start(int file, const char* bytes, size_t count,
                           uint64_t at) {
  KAPPA_CHECK(!running(), "a write is running");
  iocb request{};
  request.aio_lio_opcode = IOCB_CMD_PWRITE;
  request.aio_fildes = static_cast<uint32_t>(file);
  request.aio_buf = std::bit_cast<uintptr_t>(bytes);
  request.aio_nbytes = count;
  request.aio_offset = static_cast<int64_t>(at);
  request.aio_rw_flags = RWF_DSYNC;
  iocb* requests[] = {&request};
  for (;;) {
    const long submitted = syscall(SYS_io_submit, context_, 1, requests);
    if (submitted == 1) break;
    if (submitted == 0) return EAGAIN;
    if (errno != EINTR) return errno;
  }
  count_ = count;
  return 0;
}

int BackgroundWrite::Wait() {
  KAPPA_CHECK(running(), "no write is running");
  io_event event{};
  for (;;) {
    const long got = syscall(SYS_io_getevents, context_, 1, 1, &event, nullptr);
    if (got == 1) break;
    if (got < 0 && errno != EINTR) return errno;
  }
  const size_t count = count_;
  count_ = 0;
  if (event.res < 0) return static_cast<int>(-event.res);
  return static_cast<uint64_t>(event.res) == count ? 0 : EIO;
}

}  // namespace kappa::storage

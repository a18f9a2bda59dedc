// KeepFreedMemory: advice for programs that stream much data.
#ifndef KAPPA_CLIENT_CPP_ALLOCATOR_H_
#define KAPPA_CLIENT_CPP_ALLOCATOR_H_

namespace kappa::client {

// Lets the C library keep up to 64 MiB of freed memory, and take large blocks
// from it, instead of giving gRPC's receive buffers back to the system and
// getting them anew all the time: a third of the CPU time of a replay. Affects
// the whole process, so it is up to the program; call it first in main. Does
// nothing where the C library is not glibc.
void KeepFreedMemory();

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_ALLOCATOR_H_

// What a node may say of itself.
#ifndef KAPPA_SERVER_NODE_LIMITS_H_
#define KAPPA_SERVER_NODE_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace kappa::server {

inline constexpr uint64_t kNodeIdMax = 1'000'000;
// Of HOST:PORT, in bytes.
inline constexpr size_t kAddressBytesMax = 512;
inline constexpr size_t kRackBytesMax = 255;

}  // namespace kappa::server

#endif  // KAPPA_SERVER_NODE_LIMITS_H_

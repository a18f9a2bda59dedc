// Random 128-bit identities, from the system's random source.
#ifndef KAPPA_SERVER_RANDOM_UUID_H_
#define KAPPA_SERVER_RANDOM_UUID_H_

#include <string>
#include <string_view>

#include "proto/wire/types.h"

namespace kappa::server {

Uuid RandomUuid();

// As 16 bytes, the form of protos.
std::string BytesOf(const Uuid& uuid);
// Zeros when `bytes` are not 16.
Uuid UuidOf(std::string_view bytes);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RANDOM_UUID_H_

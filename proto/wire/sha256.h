// SHA-256 by OpenSSL, which uses the processor's SHA instructions.
#ifndef KAPPA_PROTO_WIRE_SHA256_H_
#define KAPPA_PROTO_WIRE_SHA256_H_

#include <string>
#include <string_view>

#include "proto/wire/payload.h"
#include "proto/wire/types.h"

struct evp_md_ctx_st;

namespace kappa {

// A digest of bytes that come bit by bit.
//
// Thread safety: thread-compatible.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(const Sha256Hasher&) = delete;
  Sha256Hasher& operator=(const Sha256Hasher&) = delete;

  void Update(std::string_view bytes);
  // The digest of everything since the last Finish (or the construction);
  // begins anew.
  Digest Finish();

 private:
  evp_md_ctx_st* const context_;
};

Digest Sha256(std::string_view bytes);
// Over all pieces in order.
Digest Sha256(const Payload& payload);

// 64 lower-case hexadecimal digits.
std::string HexDigest(const Digest& digest);

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_SHA256_H_

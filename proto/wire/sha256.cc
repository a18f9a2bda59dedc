#include "proto/wire/sha256.h"

#include <openssl/evp.h>

#include "proto/wire/check.h"

namespace kappa {
namespace {

// Fetched once: looking an algorithm up costs more than a short digest.
const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm =
      EVP_MD_fetch(nullptr, "SHA256", nullptr);
  KAPPA_CHECK(algorithm != nullptr, "OpenSSL offers no SHA-256");
  return algorithm;
}

// The context of the calling thread, empty before and after each use.
Sha256Hasher& ThreadHasher() {
  thread_local Sha256Hasher hasher;
  return hasher;
}

}  // namespace

Sha256Hasher::Sha256Hasher() : context_(EVP_MD_CTX_new()) {
  KAPPA_CHECK(context_ != nullptr, "out of memory for a digest context");
  KAPPA_CHECK(EVP_DigestInit_ex(context_, Algorithm(), nullptr) == 1,
              "a SHA-256 context cannot begin");
}

Sha256Hasher::~Sha256Hasher() { EVP_MD_CTX_free(context_); }

void Sha256Hasher::Update(std::string_view bytes) {
  KAPPA_CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1,
              "SHA-256 refuses input");
}

Digest Sha256Hasher::Finish() {
  Digest digest;
  unsigned int bytes = 0;
  KAPPA_CHECK(EVP_DigestFinal_ex(context_, digest.data(), &bytes) == 1 &&
                  bytes == digest.size(),
              "SHA-256 does not finish");
  KAPPA_CHECK(EVP_DigestInit_ex(context_, nullptr, nullptr) == 1,
              "a SHA-256 context cannot begin again");
  return digest;
}

Digest Sha256(std::string_view bytes) {
  Sha256Hasher& hasher = ThreadHasher();
  hasher.Update(bytes);
  return hasher.Finish();
}

Digest Sha256(const Payload& payload) {
  Sha256Hasher& hasher = ThreadHasher();
  for (std::string_view piece : payload.pieces()) hasher.Update(piece);
  return hasher.Finish();
}

std::string HexDigest(const Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * digest.size());
  for (uint8_t byte : digest) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

}  // namespace kappa

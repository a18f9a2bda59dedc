// Integers of fixed width at fixed places: little endian in values, big endian
// in keys, where bytes must sort as numbers do.
#ifndef KAPPA_STORAGE_FIXED_WIDTH_H_
#define KAPPA_STORAGE_FIXED_WIDTH_H_

#include <concepts>
#include <cstddef>
#include <string>

namespace kappa::storage {

template <std::unsigned_integral T>
void AppendLittleEndian(T value, std::string* out) {
  char bytes[sizeof(T)];
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<char>(value >> (8 * i));
  }
  out->append(bytes, sizeof(T));
}

template <std::unsigned_integral T>
void AppendBigEndian(T value, std::string* out) {
  char bytes[sizeof(T)];
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<char>(value >> (8 * (sizeof(T) - 1 - i)));
  }
  out->append(bytes, sizeof(T));
}

// Requires: `bytes` holds sizeof(T) bytes.
template <std::unsigned_integral T>
T LoadLittleEndian(const char* bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(static_cast<T>(static_cast<unsigned char>(bytes[i]))
                            << (8 * i));
  }
  return value;
}

// Requires: `bytes` holds sizeof(T) bytes.
template <std::unsigned_integral T>
T LoadBigEndian(const char* bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value =
        static_cast<T>((sizeof(T) > 1 ? value << (8 % (8 * sizeof(T))) : 0) |
                       static_cast<unsigned char>(bytes[i]));
  }
  return value;
}

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_FIXED_WIDTH_H_

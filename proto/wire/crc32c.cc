#include "proto/wire/crc32c.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kappa {
namespace {

static_assert(std::endian::native == std::endian::little,
              "words are read as they lie in memory");

// Castagnoli, reflected: bit 31 - i is the coefficient of x^i.
constexpr uint32_t kPolynomial = 0x82f63b78;

constexpr uint32_t MultiplyByX(uint32_t polynomial) {
  return polynomial >> 1 ^ ((polynomial & 1) != 0 ? kPolynomial : 0);
}

uint64_t LoadWord(const char* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// tables[k][b]: what byte b does to the CRC when k zero bytes follow it.
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = MultiplyByX(crc);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

uint32_t UpdateByte(uint32_t state, char byte) {
  return state >> 8 ^ kTables[0][(state ^ static_cast<uint8_t>(byte)) & 0xff];
}

#if defined(__x86_64__)

// x^n modulo the polynomial.
constexpr uint32_t PowerOfX(size_t n) {
  uint32_t power = uint32_t{1} << 31;
  for (size_t i = 0; i < n; ++i) power = MultiplyByX(power);
  return power;
}

// The state as if `kBytes` zero bytes followed. A carry-less product of two
// reflected polynomials is their product times x in a 64-bit word, and the
// instruction multiplies such a word by x^32 while reducing it: hence the 33.
template <size_t kBytes>
__attribute__((target("sse4.2,pclmul"))) inline uint64_t ShiftState(
    uint64_t state) {
  constexpr uint32_t kFactor = PowerOfX(8 * kBytes - 33);
  const __m128i product =
      _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(state)),
                           _mm_cvtsi32_si128(static_cast<int>(kFactor)), 0);
  return _mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(product)));
}

// Consumes stretches of 3 * kLaneBytes. The instruction takes three cycles but
// one can begin each cycle, so three lanes side by side keep it busy.
template <size_t kLaneBytes>
__attribute__((target("sse4.2,pclmul"))) inline uint64_t ConsumeLanes(
    uint64_t state, const char** at, size_t* bytes) {
  static_assert(kLaneBytes % 8 == 0);
  const char* from = *at;
  size_t rest = *bytes;
  for (; rest >= 3 * kLaneBytes; rest -= 3 * kLaneBytes) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (const char* const end = from + kLaneBytes; from < end; from += 8) {
      state = _mm_crc32_u64(state, LoadWord(from));
      second = _mm_crc32_u64(second, LoadWord(from + kLaneBytes));
      third = _mm_crc32_u64(third, LoadWord(from + 2 * kLaneBytes));
    }
    state = ShiftState<2 * kLaneBytes>(state) ^ ShiftState<kLaneBytes>(second) ^
            third;
    from += 2 * kLaneBytes;
  }
  *at = from;
  *bytes = rest;
  return state;
}

__attribute__((target("sse4.2,pclmul"))) uint32_t ExtendSse42(
    uint32_t crc, std::string_view data) {
  const char* at = data.data();
  size_t bytes = data.size();
  uint64_t state = ~crc;
  state = ConsumeLanes<4096>(state, &at, &bytes);
  state = ConsumeLanes<512>(state, &at, &bytes);
  state = ConsumeLanes<64>(state, &at, &bytes);
  for (; bytes >= 8; bytes -= 8, at += 8) {
    state = _mm_crc32_u64(state, LoadWord(at));
  }
  uint32_t narrow = static_cast<uint32_t>(state);
  for (; bytes > 0; --bytes, ++at) {
    narrow = _mm_crc32_u8(narrow, static_cast<uint8_t>(*at));
  }
  return ~narrow;
}

bool HasSse42() {
  return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

#else

uint32_t ExtendSse42(uint32_t crc, std::string_view data) {
  return ExtendCrc32cPortable(crc, data);
}

bool HasSse42() { return false; }

#endif

// A function-local constant: callable from static initialisers of any file.
bool UseSse42() {
  static const bool use = HasSse42();
  return use;
}

}  // namespace

uint32_t ExtendCrc32cPortable(uint32_t crc, std::string_view data) {
  const char* at = data.data();
  size_t bytes = data.size();
  uint32_t state = ~crc;
  for (; bytes >= 8; bytes -= 8, at += 8) {
    const uint64_t word = LoadWord(at) ^ state;
    state = 0;
    for (size_t k = 0; k < 8; ++k) {
      state ^= kTables[7 - k][word >> (8 * k) & 0xff];
    }
  }
  for (; bytes > 0; --bytes, ++at) state = UpdateByte(state, *at);
  return ~state;
}

uint32_t ExtendCrc32c(uint32_t crc, std::string_view data) {
  return UseSse42() ? ExtendSse42(crc, data) : ExtendCrc32cPortable(crc, data);
}

uint32_t Crc32c(const Payload& payload) {
  uint32_t crc = 0;
  for (std::string_view piece : payload.pieces()) {
    crc = ExtendCrc32c(crc, piece);
  }
  return crc;
}

std::string_view Crc32cVariant() { return UseSse42() ? "sse4.2" : "table"; }

}  // namespace kappa

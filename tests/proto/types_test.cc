#include "proto/wire/types.h"

#include <type_traits>

#include "absl/hash/hash_testing.h"
#include "gtest/gtest.h"

namespace kappa {
namespace {

// Numbers of different kinds do not mix, and none becomes one by itself.
static_assert(!std::is_convertible_v<Offset, LogIndex>);
static_assert(!std::is_constructible_v<Offset, LogIndex>);
static_assert(!std::is_convertible_v<uint64_t, Offset>);
static_assert(!std::is_convertible_v<Offset, uint64_t>);
static_assert(std::is_trivially_copyable_v<Offset>);
static_assert(sizeof(Offset) == 8);

TEST(StrongNumberTest, CountsAndCompares) {
  Offset offset(41);
  EXPECT_EQ(offset.Next(), Offset(42));
  EXPECT_EQ(offset.Previous(), Offset(40));
  EXPECT_EQ(offset + 9, Offset(50));
  EXPECT_EQ(offset - 1, Offset(40));
  EXPECT_EQ(Offset(50) - offset, 9u);
  EXPECT_LT(offset, Offset(42));
  EXPECT_EQ(++offset, Offset(42));
  EXPECT_EQ(Offset().value(), 0u);
}

TEST(StrongNumberTest, HashesByValue) {
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly(
      {Offset(0), Offset(1), Offset(2), Offset(uint64_t{1} << 63)}));
}

TEST(ReplicaIdTest, OrdersByNodeThenIncarnation) {
  const ReplicaId old_disk{NodeId(1), Incarnation(1)};
  const ReplicaId new_disk{NodeId(1), Incarnation(2)};
  const ReplicaId other{NodeId(2), Incarnation(1)};
  EXPECT_NE(old_disk, new_disk);
  EXPECT_LT(old_disk, new_disk);
  EXPECT_LT(new_disk, other);
}

}  // namespace
}  // namespace kappa

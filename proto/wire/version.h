// The version of this build, as kappad and kappa print it.
#ifndef KAPPA_PROTO_WIRE_VERSION_H_
#define KAPPA_PROTO_WIRE_VERSION_H_

namespace kappa {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_VERSION_H_

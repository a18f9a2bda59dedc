// UnaryMethods: the unary methods of a node by name, as functions of bytes, so
// that a call runs the same whether a client or another node made it.
#ifndef KAPPA_SERVER_RPC_UNARY_METHODS_H_
#define KAPPA_SERVER_RPC_UNARY_METHODS_H_

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/rpc/byte_buffers.h"

namespace kappa::server {

struct UnaryMethod {
  // Called once, on any thread.
  using Done = absl::AnyInvocable<void(absl::StatusOr<grpc::ByteBuffer>)>;
  enum class Effect {
    // An answer that is lost may be asked for again.
    kReads,
    // What came of it is not known when the answer is lost.
    kChanges,
    // The same, and it is about topics, which all nodes know.
    kChangesTopics,
  };

  // In full, e.g. "/kappa.v1.LogService/Append".
  std::string name;
  Effect effect = Effect::kReads;
  // Runs the call here. The request must live until it returns.
  std::function<void(const grpc::ByteBuffer& request, Done done)> run;
};

// Thread safety: thread-compatible; thread-safe once all methods are added.
class UnaryMethods {
 public:
  // Adds a method of `service`, e.g. "kappa.v1.LogService".
  void Add(std::string_view service, std::string_view method,
           UnaryMethod::Effect effect, decltype(UnaryMethod::run) run) {
    std::string name = NameOf(service, method);
    methods_.insert_or_assign(name, UnaryMethod{name, effect, std::move(run)});
  }

  // The same for `call(request, done)` with messages, where done takes a
  // StatusOr<Response>. What is no message is refused here.
  template <typename Request, typename Response, typename Call>
  void AddParsed(std::string_view service, std::string_view method,
                 UnaryMethod::Effect effect, Call call) {
    Add(service, method, effect,
        [call = std::move(call)](const grpc::ByteBuffer& bytes,
                                 UnaryMethod::Done done) {
          Request request;
          if (absl::Status parsed = ParseRequest(bytes, &request);
              !parsed.ok()) {
            return done(std::move(parsed));
          }
          call(std::move(request),
               [done = std::move(done)](
                   absl::StatusOr<Response> response) mutable {
                 if (!response.ok()) return done(response.status());
                 done(ByteBufferOf(*response));
               });
        });
  }

  // Null when there is none.
  const UnaryMethod* Find(std::string_view name) const {
    const auto found = methods_.find(std::string(name));
    return found == methods_.end() ? nullptr : &found->second;
  }

  static std::string NameOf(std::string_view service, std::string_view method) {
    std::string name = "/";
    name.append(service).append("/").append(method);
    return name;
  }

 private:
  absl::flat_hash_map<std::string, UnaryMethod> methods_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_UNARY_METHODS_H_
